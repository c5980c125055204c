"""`taskmanager dlq`: dead letters in the hands of operators."""

from taskmanager.programs.dlq.command import command

__all__ = ["command"]
