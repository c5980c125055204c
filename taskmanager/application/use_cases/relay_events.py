"""Publishes the event log, in order, each event at least once."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from time import monotonic
from typing import Protocol

from taskmanager.application.chunks import Chunk, ChunkSource
from taskmanager.application.event_log import AdaptivePause
from taskmanager.application.outbound import Outbound
from taskmanager.application.waiting import is_set_within

# So many events at once mean that there are more.
_MANY = 500
_PATIENCE_SECONDS = 0.03


class RelayMetrics(Protocol):
    """What the relay tells of itself, once a chunk."""

    def published(self, chunk: Chunk, seconds: float) -> None: ...


class RelayEvents:
    """Publishes chunk after chunk; the next is read and encoded while one is on its way.

    A chunk grows with the backlog: it takes what has come until the one before it has arrived. `publish` is that of an
    `EventPublisher`; `reached` hears of each position up to which everything has been published.
    """

    def __init__(
        self,
        chunks: ChunkSource,
        publish: Callable[[Sequence[Outbound]], Awaitable[None]],
        reached: Callable[[int], None],
        metrics: RelayMetrics,
        *,
        position: int,
        stopping: asyncio.Event,
        beat: Callable[[], None] = lambda: None,
    ) -> None:
        self._chunks = chunks
        self._publish = publish
        self._reached = reached
        self._metrics = metrics
        self._stopping = stopping
        self._beat = beat
        self._next = Chunk(position)
        self._pause = AdaptivePause()

    async def run(self) -> None:
        """Works until it is told to stop, and then finishes what it has in hand.

        Raises `PublishFailed` or a `StoreError`; what is not known to be published is to be read again.
        """
        sending: asyncio.Task[None] | None = None
        try:
            while True:
                self._beat()
                found = 0
                if self._next.has_room and not self._stopping.is_set():
                    found = await self._chunks.gather(self._next)
                if sending is None or sending.done():
                    if sending is not None:
                        await sending
                    sending = self._send_next()
                if sending is None and self._stopping.is_set():
                    return
                await self._rest(sending, found=found)
        finally:
            if sending is not None:
                # What runs in the publisher's thread goes on until the publisher is closed.
                sending.cancel()
                await asyncio.gather(sending, return_exceptions=True)
            await self._chunks.close()

    def _send_next(self) -> asyncio.Task[None] | None:
        chunk = self._next
        if not chunk.messages:
            self._reached(chunk.position)  # numbers that will never exist may be all that there was
            return None
        self._next = Chunk(chunk.position)
        return asyncio.create_task(self._send(chunk))

    async def _send(self, chunk: Chunk) -> None:
        began = monotonic()
        await self._publish(chunk.messages)
        self._reached(chunk.position)
        self._metrics.published(chunk, monotonic() - began)

    async def _rest(self, sending: asyncio.Task[None] | None, *, found: int) -> None:
        """Until it is time to look again, or the chunk on its way has arrived."""
        pause = 0.0 if found >= _MANY else self._pause.after(found=found > 0)
        if sending is None:
            await is_set_within(self._stopping, pause)
            return
        timeout: float | None = pause
        if self._stopping.is_set() or not self._next.has_room:
            timeout = None
        elif pause:
            # A few events are read soon enough once the chunk before has arrived.
            timeout = max(pause, _PATIENCE_SECONDS)
        await asyncio.wait([sending], timeout=timeout)
