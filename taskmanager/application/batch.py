"""A stretch of messages from several partitions that is written in one transaction."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Self

from taskmanager.application.changes import Outcome, PartitionProgress
from taskmanager.application.commands import Command, InboundMessage, Partition
from taskmanager.application.ports import OffsetClaim

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)  # noqa: UP017


class Batch:
    """Messages in the order of their offsets per partition, each with the command made of it.

    `starts` says where each partition stood before; offsets between there and a message that hold none (transaction
    markers, compacted ones) count as skipped.
    """

    __slots__ = ("commands", "messages", "starts", "topic_ids")

    def __init__(
        self,
        messages: Sequence[InboundMessage],
        commands: Sequence[Command],
        starts: Mapping[Partition, int],
        topic_ids: Mapping[str, str],
    ) -> None:
        self.messages = messages
        self.commands = commands
        self.starts = starts
        self.topic_ids = topic_ids

    def __len__(self) -> int:
        return len(self.messages)

    def claims(self) -> list[OffsetClaim]:
        """The stored offsets that must still stand, sorted."""
        return sorted(OffsetClaim(p.topic, p.partition, self.topic_ids[p.topic], at) for p, at in self.starts.items())

    def progress(self, now: datetime) -> dict[Partition, PartitionProgress]:
        """Where each partition stands afterwards; outcomes are not counted yet, but for offsets without a message."""
        ends: dict[Partition, list[int]] = {}
        for message in self.messages:
            run = ends.get(message[:2])  # type: ignore[call-overload]
            if run is None:
                ends[Partition(message.topic, message.partition)] = [message.offset, 1, message.timestamp_ms or 0]
            else:
                run[0] = message.offset
                run[1] += 1
                run[2] = message.timestamp_ms or 0
        progress = {}
        for partition, (last, messages, timestamp_ms) in ends.items():
            start = self.starts[partition]
            moved = PartitionProgress(start, last + 1)
            if timestamp_ms > 0:
                # A sender's clock that is ahead must not let time rules believe that more has been read than was.
                is_past = timestamp_ms < now.timestamp() * 1000
                moved.ingested_at = _EPOCH + timedelta(milliseconds=timestamp_ms) if is_past else now
            if last + 1 - start > messages:
                moved.count(Outcome.SKIPPED, last + 1 - start - messages)
            progress[partition] = moved
        return progress

    def halves(self) -> tuple[Self, Self]:
        """The batch as two that follow each other."""
        middle = len(self.messages) // 2
        return self._part(0, middle), self._part(middle, len(self.messages))

    def replacing(self, commands: Sequence[Command]) -> Self:
        """The same messages with other commands."""
        return type(self)(self.messages, commands, self.starts, self.topic_ids)

    def _part(self, low: int, high: int) -> Self:
        starts: dict[Partition, int] = {}
        for message in self.messages[low:high]:
            partition = Partition(message.topic, message.partition)
            if partition not in starts:
                starts[partition] = self.starts[partition]
        for message in self.messages[:low]:
            partition = Partition(message.topic, message.partition)
            if partition in starts:
                starts[partition] = message.offset + 1
        return type(self)(self.messages[low:high], self.commands[low:high], starts, self.topic_ids)
