"""The REST program."""

from taskmanager.programs.api.command import command

__all__ = ["command"]
