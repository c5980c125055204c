"""A stretch of messages from several partitions that is written in one transaction."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from types import MappingProxyType
from typing import NamedTuple, Self

from taskmanager.application.changes import Outcome, PartitionProgress
from taskmanager.application.commands import Command, InboundMessage, Partition
from taskmanager.application.ports import OffsetClaim

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)  # noqa: UP017


class Stretch(NamedTuple):
    """The messages of one partition in a batch: the last one's offset and Kafka's time of it, and how many they are."""

    last: int
    timestamp_ms: int
    messages: int


NOTHING: Mapping[Partition, int] = MappingProxyType({})
_NO_MESSAGES = Stretch(-1, 0, 0)


class Batch:
    """Messages in the order of their offsets per partition, each with the command made of it.

    `starts` says where each partition stood before (and may name others); offsets between there and a message that hold
    none (transaction markers, compacted ones) count as skipped. So do those up to `reached`, in partitions whose reader
    has got there without a further message.
    """

    __slots__ = ("_reached", "_stretches", "commands", "ends", "messages", "starts", "topic_ids")

    def __init__(
        self,
        messages: Sequence[InboundMessage],
        commands: Sequence[Command],
        starts: Mapping[Partition, int],
        topic_ids: Mapping[str, str],
        reached: Mapping[Partition, int] = NOTHING,
    ) -> None:
        self.messages = messages
        self.commands = commands
        self.topic_ids = topic_ids
        self._stretches = _stretches(messages)
        # Where each partition stands afterwards.
        self.ends = {partition: stretch.last + 1 for partition, stretch in self._stretches.items()}
        self._reached = {at: end for at, end in reached.items() if end > self.ends.get(at, starts[at])}
        self.ends |= self._reached
        self.starts = {partition: starts[partition] for partition in self.ends}

    def __len__(self) -> int:
        return len(self.messages)

    def claims(self) -> list[OffsetClaim]:
        """The stored offsets that must still stand, sorted."""
        return sorted(OffsetClaim(p.topic, p.partition, self.topic_ids[p.topic], at) for p, at in self.starts.items())

    def progress(self, now: datetime) -> dict[Partition, PartitionProgress]:
        """Where each partition stands afterwards; outcomes are not counted yet, but for offsets without a message."""
        progress = {}
        for partition, end in self.ends.items():
            _, timestamp_ms, messages = self._stretches.get(partition, _NO_MESSAGES)
            start = self.starts[partition]
            moved = PartitionProgress(start, end)
            if timestamp_ms > 0:
                # A sender's clock that is ahead must not let time rules believe that more has been read than was.
                is_past = timestamp_ms < now.timestamp() * 1000
                moved.ingested_at = _EPOCH + timedelta(milliseconds=timestamp_ms) if is_past else now
            if end - start > messages:
                moved.count(Outcome.SKIPPED, end - start - messages)
            progress[partition] = moved
        return progress

    def halves(self) -> tuple[Self, Self]:
        """The batch as two that follow each other."""
        middle = len(self.messages) // 2
        return self._part(0, middle, NOTHING), self._part(middle, len(self.messages), self._reached)

    def replacing(self, commands: Sequence[Command]) -> Self:
        """The same messages with other commands."""
        return type(self)(self.messages, commands, self.starts, self.topic_ids, self._reached)

    def _part(self, low: int, high: int, reached: Mapping[Partition, int]) -> Self:
        before = {partition: stretch.last + 1 for partition, stretch in _stretches(self.messages[:low]).items()}
        starts = self.starts | before
        return type(self)(self.messages[low:high], self.commands[low:high], starts, self.topic_ids, reached)


def _stretches(messages: Sequence[InboundMessage]) -> dict[Partition, Stretch]:
    stretches: dict[Partition, Stretch] = {}
    for low, high in _runs(messages):
        last = messages[high - 1]
        partition = Partition(last.topic, last.partition)
        earlier = stretches[partition].messages if partition in stretches else 0
        stretches[partition] = Stretch(last.offset, last.timestamp_ms or 0, earlier + high - low)
    return stretches


def _runs(messages: Sequence[InboundMessage]) -> Iterator[tuple[int, int]]:
    """Where messages of one partition come together, which they mostly do."""
    low, topic, number = 0, "", -1
    for index, message in enumerate(messages):
        if message.partition != number or message.topic != topic:
            if index:
                yield low, index
            low, topic, number = index, message.topic, message.partition
    if messages:
        yield low, len(messages)
