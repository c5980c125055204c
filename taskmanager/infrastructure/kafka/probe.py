"""Looks at the topics without blocking the event loop."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeVar

from taskmanager.application.commands import Partition
from taskmanager.infrastructure.kafka.topics import TopicCatalogue, TopicDescription, TopicsUnavailable

_Answer = TypeVar("_Answer")


class KafkaProbe:
    """Asks the brokers about `topics`, one question at a time in a thread of its own; `timeout` in seconds.

    A question that its asker gave up on occupies the thread until the time-out. Each is asked within an `admission()`,
    which may refuse it. Raises `TopicsUnavailable`.
    """

    def __init__(
        self,
        properties: Mapping[str, Any],
        topics: Sequence[str],
        *,
        timeout: float,
        admission: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        # The client writes a line to stderr for every lost connection; callers tell of the outage themselves.
        self._properties = {**properties, "log_level": 0}
        self._topics = topics
        self._timeout = timeout
        self._admission = admission
        self._catalogue: TopicCatalogue | None = None
        self._thread = ThreadPoolExecutor(1, "kafka-probe")

    async def __call__(self) -> Mapping[str, object]:
        """Answers how many partitions each topic has."""
        described = await self.describe()
        return {"partitions": {topic: description.partitions for topic, description in described.items()}}

    async def describe(self) -> Mapping[str, TopicDescription]:
        """Each topic's id and partitions."""
        return await self._ask(lambda catalogue: catalogue.describe(self._topics))

    async def describe_existing(self) -> Mapping[str, TopicDescription]:
        """The same for those of the topics that there are."""
        return await self._ask(lambda catalogue: catalogue.describe_existing(self._topics))

    async def glance(self) -> Mapping[str, TopicDescription] | None:
        """The same, or None where the brokers do not answer."""
        try:
            return await self.describe_existing()
        except TopicsUnavailable:
            return None

    async def watermarks_of(self, partitions: Sequence[Partition]) -> Mapping[Partition, tuple[int, int]]:
        """The first offset and the one behind the last of these partitions."""
        return await self._ask(lambda catalogue: catalogue.watermarks(partitions))

    async def watermarks(self) -> Mapping[Partition, tuple[int, int]]:
        """The first offset and the one behind the last of every partition."""
        return await self._ask(lambda catalogue: catalogue.watermarks(_all(catalogue.describe(self._topics))))

    async def close(self) -> None:
        """Asks nothing more; does not wait for a question that is under way."""
        self._thread.shutdown(wait=False, cancel_futures=True)
        self._catalogue = None

    async def _ask(self, question: Callable[[TopicCatalogue], _Answer]) -> _Answer:
        with self._admission():
            return await asyncio.get_running_loop().run_in_executor(self._thread, lambda: question(self._opened()))

    def _opened(self) -> TopicCatalogue:
        if self._catalogue is None:
            self._catalogue = TopicCatalogue(self._properties, timeout=self._timeout)
        return self._catalogue


def _all(described: Mapping[str, TopicDescription]) -> list[Partition]:
    return [Partition(topic, n) for topic, description in described.items() for n in range(description.partitions)]
