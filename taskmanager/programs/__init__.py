"""Composition: one module for each subcommand, which is its click command named `command`."""
