"""Gives requests up that take too long."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

_T = TypeVar("_T")
_LOOKS = 20


class Deadlines:
    """One limit for the work of many tasks, watched by one timer.

    `asyncio.timeout` arms and disarms a timer for each, which costs a request as much as its validation. Here the work
    is looked over `_LOOKS` times in the span of the limit: it is given up after `seconds` or up to a twentieth later.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._due: dict[asyncio.Task[object], float] = {}
        self._overdue: set[asyncio.Task[object]] = set()
        self._is_watching = False

    async def keep(self, work: Awaitable[_T]) -> _T:
        """What the work answers; raises `TimeoutError` where it is given up, and whatever it raises."""
        loop = asyncio.get_running_loop()
        task = asyncio.current_task(loop)
        assert task is not None  # noqa: S101 - a coroutine runs in one
        self._due[task] = loop.time() + self._seconds
        if not self._is_watching:
            self._watch(loop)
        cancelling = task.cancelling()
        try:
            return await work
        except asyncio.CancelledError:
            # Somebody else may want this task's end as well.
            if task in self._overdue and task.uncancel() <= cancelling:
                raise TimeoutError from None
            raise
        finally:
            del self._due[task]
            self._overdue.discard(task)

    def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        self._is_watching = True
        loop.call_later(self._seconds / _LOOKS, self._look, loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        for task, due in list(self._due.items()):
            if due <= now and task not in self._overdue:
                self._overdue.add(task)
                task.cancel()
        self._is_watching = False
        if self._due:
            self._watch(loop)
