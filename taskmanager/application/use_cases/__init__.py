"""One file per thing that the service can do."""
