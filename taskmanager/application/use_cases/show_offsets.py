"""How far each partition has been read, beside what Kafka holds."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from taskmanager.application.commands import Partition
from taskmanager.application.offsets import OffsetProblem, TopicEnds, diagnose
from taskmanager.application.ports import StoredOffset
from taskmanager.application.verification.ledger import StoredProgress


class StoredLedger(NamedTuple):
    """A partition's row: its progress, the time of the last message read, and how many ledgers it had before."""

    progress: StoredProgress
    ingested_at: datetime | None
    retired: int

    @property
    def offset(self) -> StoredOffset:
        """The part that consumers go by."""
        return StoredOffset(self.progress.topic_id, self.progress.next_offset)


class PartitionOffsets(NamedTuple):
    """What is known of a partition: by the database (None: nothing yet) and by Kafka (None: it is not there)."""

    partition: Partition
    ledger: StoredLedger | None
    ends: TopicEnds | None
    problem: OffsetProblem | None

    @property
    def lag(self) -> int | None:
        """How many offsets are still to be read; None where that cannot be told."""
        if self.ends is None or self.problem is not None:
            return None
        return self.ends.high - (self.ledger.progress.next_offset if self.ledger else self.ends.low)


def show_offsets(
    ledgers: Mapping[Partition, StoredLedger], ends: Mapping[Partition, TopicEnds], topics: Collection[str]
) -> Sequence[PartitionOffsets]:
    """Every partition that the database or Kafka knows, sorted; only those of `topics` can have a problem.

    The ends must have been asked after the ledgers were read.
    """
    shown = []
    for partition in sorted(ledgers.keys() | ends.keys()):
        ledger, end = ledgers.get(partition), ends.get(partition)
        is_read = ledger is not None and partition.topic in topics
        problem = diagnose(ledger.offset, end) if ledger is not None and is_read else None
        shown.append(PartitionOffsets(partition, ledger, end, problem))
    return shown
