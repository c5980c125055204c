"""Keeps partitions of the event log ready ahead of the writers."""

from datetime import datetime, timedelta
from typing import Protocol

import structlog

from taskmanager.application.ports import Clock, StoreError

log = structlog.get_logger(__name__)

_EVERY = timedelta(minutes=1)


class EventLog(Protocol):
    """The log of events, in partitions."""

    async def make_room(self) -> int:
        """Makes the partitions that will soon be needed; answers how many it made. May raise a `StoreError`."""


class MakeRoom:
    """Asks for room once a minute, however often it is called and whatever came of it."""

    def __init__(self, log: EventLog, clock: Clock) -> None:
        self._log = log
        self._clock = clock
        self._due: datetime | None = None

    async def __call__(self) -> int:
        """Answers how many partitions were made; may raise a `StoreError`."""
        now = self._clock.now()
        if self._due is not None and now < self._due:
            return 0
        self._due = now + _EVERY
        return await self._log.make_room()

    async def try_to(self) -> None:
        """For writers, who can go on: there is room for long, and where there is none their own failure tells."""
        try:
            await self()
        except StoreError as error:
            log.warning("no_room_made_trying_again_later", error=str(error))
