"""Partitions of the event log are made before their numbers are drawn."""

from typing import Protocol

from taskmanager.application.use_cases.housekeeping.ingestion_clock import Reading
from taskmanager.application.use_cases.housekeeping.rule import Done
from taskmanager.application.use_cases.make_room import MakeRoom


class RoomAhead(Protocol):
    """Knows how much of the log is ready; may raise a `StoreError`."""

    async def missing_partitions(self) -> int:
        """How many partitions would be made."""


class EventPartitions:
    """Keeps partitions ready ahead of the writers, who make them as well."""

    name = "partitions"

    def __init__(self, make_room: MakeRoom, room: RoomAhead) -> None:
        self._make_room = make_room
        self._room = room

    async def apply(self, reading: Reading) -> Done:  # noqa: ARG002 - a rule's signature
        """See `Rule.apply`."""
        return Done({"made": await self._make_room()})

    async def preview(self, reading: Reading) -> Done:  # noqa: ARG002
        """See `Rule.preview`."""
        return Done({"made": await self._room.missing_partitions()})

    async def outlook(self, reading: Reading) -> str:  # noqa: ARG002
        """See `Rule.outlook`."""
        return "enough partitions of the event log are ready"
