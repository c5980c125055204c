"""The housekeeper: applies the rules that go by time, as a program or by hand."""

from taskmanager.programs.housekeeper.command import command

__all__ = ["command"]
