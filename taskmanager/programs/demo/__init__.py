"""The demo and player: the whole appliance on the embedded stack, with a gateway and workers that are played."""

from taskmanager.programs.demo.command import command

__all__ = ["command"]
