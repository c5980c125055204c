"""What the environment says, validated once at start; import from the modules, this package loads nothing by itself."""
