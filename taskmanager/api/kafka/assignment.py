"""Which partitions a process owns, and where each begins."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

import structlog

from taskmanager.application.commands import Partition
from taskmanager.application.ports import OffsetStore

log = structlog.get_logger(__name__)


class OffsetsUnusable(Exception):  # noqa: N818
    """The stored offsets do not fit the topics; the text says why and what to do. Retrying does not help."""


class Topic(Protocol):
    """What a topic says of itself."""

    @property
    def topic_id(self) -> str: ...
    @property
    def partitions(self) -> int: ...


Describe = Callable[[], Awaitable[Mapping[str, Topic]]]
Watermarks = Callable[[Sequence[Partition]], Awaitable[Mapping[Partition, tuple[int, int]]]]


class PinnedAssignment:
    """Process `index` of `count` owns the partitions p of every topic with p mod count = index."""

    def __init__(
        self, describe: Describe, watermarks: Watermarks, offsets: OffsetStore, *, index: int, count: int
    ) -> None:
        self._describe = describe
        self._watermarks = watermarks
        self._offsets = offsets
        self._index = index
        self._count = count
        self._topic_ids: dict[str, str] = {}
        self._owned: list[Partition] = []

    @property
    def topic_ids(self) -> Mapping[str, str]:
        """The id of each topic as of the last look; one object, which later looks change."""
        return self._topic_ids

    async def identify(self) -> Mapping[str, str]:
        """Looks up the topics; answers their ids, kept up to date. Raises what `describe` raises."""
        described = await self._describe()
        self._topic_ids.update({name: topic.topic_id for name, topic in described.items()})
        self._owned = [
            Partition(name, number)
            for name, topic in sorted(described.items())
            for number in range(self._index, topic.partitions, self._count)
        ]
        log.info("partitions_owned", index=self._index, count=self._count, partitions=len(self._owned))
        return self._topic_ids

    async def read_offsets(self) -> Mapping[Partition, int]:
        """Where each owned partition goes on: its stored offset, or on the very first start its first offset.

        Raises `OffsetsUnusable` for a topic that was made anew and for an offset that the topic no longer holds.
        """
        await self.identify()
        if not self._owned:
            return {}
        marks = await self._watermarks(self._owned)
        stored = await self._offsets.register(
            {partition: (self._topic_ids[partition.topic], marks[partition][0]) for partition in self._owned}
        )
        if any(offset > marks[partition][1] for partition, (_, offset) in stored.items()):
            # Another owner may have read beyond the end that was seen before the offsets were.
            marks = await self._watermarks(self._owned)
        problems = []
        for partition, (topic_id, offset) in sorted(stored.items()):
            low, high = marks[partition]
            name = f"{partition.topic}/{partition.partition}"
            if topic_id != self._topic_ids[partition.topic]:
                problems.append(f"{name}: the topic was deleted and made anew since it was read up to {offset}")
            elif not low <= offset <= high:
                problems.append(f"{name}: it was read up to {offset}, but the topic holds {low} to {high}")
        if problems:
            raise OffsetsUnusable(
                f"{'; '.join(problems)}. Decide where to go on: docs/operations.md, Offsets that do not fit"
            )
        return {partition: offset for partition, (_, offset) in stored.items()}
