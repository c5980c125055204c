"""The guard program: a listener of supervisord's that ends the container when a program cannot be kept alive."""

from taskmanager.programs.guard.command import command

__all__ = ["command"]
