"""Shows how far the relay is behind the log."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from taskmanager.application.ports import StoreError
from taskmanager.application.waiting import is_set_within

_SECONDS_BETWEEN = 2.0


class LogEnd(Protocol):
    """Where the log ends."""

    async def last_event(self) -> int:
        """The highest number in the log, 0 if it is empty; may raise a `StoreError`."""


class BacklogMetrics(Protocol):
    """Where it is shown."""

    def progressed(self, position: int, last_event: int) -> None: ...


async def show_backlog(
    log_end: LogEnd, position: Callable[[], int], metrics: BacklogMetrics, stopping: asyncio.Event
) -> None:
    """Looks every two seconds until it is told to stop; a look in vain is no reason for anything."""
    while not stopping.is_set():
        with suppress(StoreError):
            metrics.progressed(position(), await log_end.last_event())
        await is_set_within(stopping, _SECONDS_BETWEEN)
