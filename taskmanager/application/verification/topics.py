"""What was read must lie in the topics as they are."""

from collections.abc import Iterator, Mapping, Sequence

from taskmanager.application.commands import Partition
from taskmanager.application.offsets import TopicEnds
from taskmanager.application.verification.findings import Finding, FindingKind
from taskmanager.application.verification.ledger import PartitionLedger


def check_topics(ledgers: Sequence[PartitionLedger], ends: Mapping[Partition, TopicEnds]) -> Iterator[Finding]:
    """Compares stored offsets with what Kafka holds; the ends must have been asked after the offsets were read."""
    for ledger in ledgers:
        end = ends.get(ledger.partition)
        if end is None or ledger.progress is None:
            continue
        progress = ledger.progress
        if progress.topic_id != end.topic_id:
            yield Finding(FindingKind.TOPIC_ID, ledger.name, progress.topic_id, end.topic_id)
        elif progress.next_offset > end.high:
            yield Finding(
                FindingKind.BEYOND_TOPIC_END, ledger.name, f"at most {end.high}", f"next_offset {progress.next_offset}"
            )
        elif progress.next_offset < end.low:
            yield Finding(
                FindingKind.UNREAD_REMOVED, ledger.name, f"at least {end.low}", f"next_offset {progress.next_offset}"
            )


def lag(ledgers: Sequence[PartitionLedger], ends: Mapping[Partition, TopicEnds]) -> int:
    """How many messages have not been read yet, those of partitions that no consumer has taken up included."""
    read = {ledger.partition: ledger.progress.next_offset for ledger in ledgers if ledger.progress is not None}
    return sum(max(end.high - read.get(partition, end.low), 0) for partition, end in ends.items())
