"""One listener of the live stream."""

import asyncio
from collections.abc import Awaitable
from typing import Protocol, TypeVar

from taskmanager.application.feed.model import EventFilter, FeedPage
from taskmanager.application.feed.ring import Ring
from taskmanager.application.ports import StoreError
from taskmanager.application.waiting import is_set_within

_AWAY_SECONDS = 1.0
_T = TypeVar("_T")


class FellBehind(Exception):  # noqa: N818
    """The listener was so slow that what it has not got yet is no longer kept for it."""


class Missed(Protocol):
    """Where events are read that are no longer kept for all."""

    async def __call__(self, wanted: EventFilter, after: int, upto: int) -> FeedPage:
        """The first wanted events behind `after` and up to `upto`, below which nothing will change."""


class Subscription:
    """A position in the log and nothing else: no queue. First it gets what it missed, then what comes."""

    def __init__(self, ring: Ring, wanted: EventFilter, missed: Missed) -> None:
        self._ring = ring
        self._wanted = wanted
        self._missed = missed
        self._is_live = False
        self._woken = asyncio.Event()
        self._ended = asyncio.Event()
        self._is_due = False
        self._looked_to = -1  # the ring held nothing for it up to here
        self.position = 0

    def begin(self, after: int | None) -> None:
        """Sets it to get what comes behind `after`, or from now on."""
        self.position = self._ring.position if after is None else after

    def news(self, before: int, users: frozenset[str | None], task_ids: frozenset[str]) -> bool:
        """Tells it that events of these users' tasks were added behind `before`; whether it has to look at them."""
        if self._looked_to == before and self._is_indifferent(users, task_ids):
            self._looked_to = self.position = max(self.position, self._ring.position)
            return False
        self._woken.set()
        return True

    def remind(self) -> None:
        """Lets it give a sign of life, unless it has told something since the last time."""
        self._is_due = True
        self._woken.set()

    def end(self) -> None:
        """Lets `next` answer None."""
        self._ended.set()
        self._woken.set()

    async def next(self) -> bytes | None:
        """The next events; waits for them. Nothing when it is time for a sign of life; None at the end.

        Whatever it wants up to `position` has been answered then. Raises `FellBehind`.
        """
        while not self._ended.is_set():
            self._woken.clear()
            is_away = False
            try:
                told = self._from_ring() if self._is_live else await self._from_log()
            except StoreError:
                told, is_away = b"", True
            if told or self._is_due:
                self._is_due = False
                return told
            if is_away:
                await is_set_within(self._ended, _AWAY_SECONDS)
            elif self._is_live:
                self._looked_to = self._ring.position
                await self._woken.wait()
        return None

    def _from_ring(self) -> bytes:
        if not self._ring.covers(self.position):
            raise FellBehind
        told, self.position = self._ring.chunk(self._wanted, self.position)
        return told

    async def _from_log(self) -> bytes:
        if self._ring.covers(self.position):
            self._is_live = True
            return self._from_ring()
        page = await self._unless_ended(self._missed(self._wanted, self.position, self._ring.position))
        if page is None:
            return b""
        self.position = page.next
        return b"".join(map(self._ring.encode, page.events))

    async def _unless_ended(self, work: Awaitable[_T]) -> _T | None:
        """The work's result; None, and the work is given up, if the end comes first."""
        working = asyncio.ensure_future(work)
        ending = asyncio.ensure_future(self._ended.wait())
        try:
            await asyncio.wait({working, ending}, return_when=asyncio.FIRST_COMPLETED)
            return working.result() if working.done() else None
        finally:
            working.cancel()
            ending.cancel()

    def _is_indifferent(self, users: frozenset[str | None], task_ids: frozenset[str]) -> bool:
        owner, user_email, task_id, *_ = self._wanted
        return (
            (owner is not None and owner not in users)
            or (user_email is not None and user_email not in users)
            or (task_id is not None and task_id not in task_ids)
        )
