"""Advances operations as long as the process lives."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import structlog

from taskmanager.application.ports import StoreError
from taskmanager.application.waiting import is_set_within

log = structlog.get_logger(__name__)

_IDLE_SECONDS = 1.0
_PAUSE_SECONDS_MIN = 0.01
_PAUSE_SECONDS_MAX = 1.0


class OperationRunner:
    """Calls `advance` again and again, with pauses as long as the work: half of the database's time is for others.

    While there is nothing to do it looks every `idle_seconds`, for operations that were begun elsewhere.
    """

    def __init__(
        self,
        advance: Callable[[], Awaitable[bool]],
        *,
        idle_seconds: float = _IDLE_SECONDS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._advance = advance
        self._idle_seconds = idle_seconds
        self._monotonic = monotonic
        self._news = asyncio.Event()
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins; the database need not be there yet. Again does nothing."""
        if self._task is None:
            self._task = asyncio.create_task(self._run())

    def wake(self) -> None:
        """There is something to do."""
        self._news.set()

    async def stop(self) -> None:
        """Ends the transaction in hand, and no other is begun; the operation goes on wherever a runner is."""
        self._stopping.set()
        self._news.set()
        task, self._task = self._task, None
        if task is not None:
            await asyncio.wait([task])

    async def _run(self) -> None:
        while not self._stopping.is_set():
            self._news.clear()
            began = self._monotonic()
            if await self._has_advanced():
                pause = self._monotonic() - began
                pause = min(max(pause, _PAUSE_SECONDS_MIN), _PAUSE_SECONDS_MAX)
                await is_set_within(self._stopping, pause)
            elif not self._stopping.is_set():
                await is_set_within(self._news, self._idle_seconds)

    async def _has_advanced(self) -> bool:
        try:
            return await self._advance()
        except StoreError as error:
            log.warning("operations_wait_for_the_database", error=str(error))
        except Exception:
            log.exception("operations_not_advanced")
        return False
