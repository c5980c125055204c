"""`taskmanager keys`: who may call the REST interface."""

from taskmanager.programs.keys.command import command

__all__ = ["command"]
