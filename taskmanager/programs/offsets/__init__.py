"""`taskmanager offsets`: how far the topics have been read, in the hands of operators."""

from taskmanager.programs.offsets.command import command

__all__ = ["command"]
