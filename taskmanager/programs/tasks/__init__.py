"""`taskmanager tasks`: tasks from the command line, by way of the REST interface."""

from taskmanager.programs.tasks.command import command

__all__ = ["command"]
