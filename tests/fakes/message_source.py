"""`MessageSource` in memory: a log per partition, read in fetches of a given size."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from taskmanager.application.commands import InboundMessage, Partition

_NOT_READ = 1 << 62


class InMemoryFetched(NamedTuple):
    """Implements `Fetched`."""

    messages: Sequence[InboundMessage]
    reached: Mapping[Partition, int]
    lost: Collection[Partition]


class InMemoryMessageSource:
    """Implements `MessageSource`; a fetch with nothing left waits for `drained`'s reader, then answers nothing.

    `reached` and `lost` are what the next fetch brings besides. Counts what it was asked: `assigned`, `published`, and
    `overlapping` or `cancelled` fetches, of which there must be none.
    """

    def __init__(self, messages: Sequence[InboundMessage], *, fetch_size: int) -> None:
        self._messages = list(messages)
        self._fetch_size = fetch_size
        self._positions: dict[Partition, int] = {}
        self._fetching = False
        self.failure: Exception | None = None
        self.reached: dict[Partition, int] = {}
        self.lost: list[Partition] = []
        self.fetches = 0
        self.assigned: list[dict[Partition, int]] = []
        self.published: list[dict[Partition, int]] = []
        self.overlapping = self.cancelled = 0
        self.drained = asyncio.Event()

    async def assign(self, offsets: Mapping[Partition, int]) -> None:
        """See `FetchingConsumer.assign`."""
        self.overlapping += self._fetching
        self.drained.clear()
        self._positions = dict(offsets)
        self.assigned.append(dict(offsets))

    async def fetch(self) -> InMemoryFetched:
        """See `FetchingConsumer.fetch`."""
        self.overlapping += self._fetching
        self._fetching = True
        self.fetches += 1
        try:
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self._fetching = False
        if self.failure is not None:
            raise self.failure
        batch = self._next()
        reached, self.reached = self.reached, {}
        lost, self.lost = self.lost, []
        if not batch:
            self.drained.set()
        return InMemoryFetched(batch, reached, lost)

    def read(self, fetched: InboundMessage) -> InboundMessage:
        """See `FetchingConsumer.read`."""
        return fetched

    def publish_progress(self, offsets: Mapping[Partition, int]) -> None:
        """See `FetchingConsumer.publish_progress`."""
        self.published.append(dict(offsets))

    def _next(self) -> list[InboundMessage]:
        batch: list[InboundMessage] = []
        for message in self._messages:
            partition = Partition(message.topic, message.partition)
            position = self._positions.get(partition, _NOT_READ)
            if len(batch) < self._fetch_size and message.offset >= position:
                batch.append(message)
                self._positions[partition] = message.offset + 1
        return batch
