"""The arithmetic that accounts for every message."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from taskmanager.application.verification.ledger import PartitionLedger, check_ledger

STATUSES = ("new", "in_progress", "completed", "error", "cancelled")

Partition = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Totals:
    """What the whole database holds."""

    tasks: Mapping[str, int]
    events: int
    dead_letters: int
    parked: int
    refused: int
    duplicates: int
    heartbeats: int
    skipped: int

    def summary(self, *, sent: int, seconds: float, accounted: bool) -> dict[str, object]:
        """The object that `--once` prints."""
        return {
            "sent": sent,
            "tasks": {status: self.tasks.get(status, 0) for status in STATUSES},
            "events": self.events,
            "deadLetters": self.dead_letters,
            "parked": self.parked,
            "refused": self.refused,
            "seconds": round(seconds, 2),
            "duplicates": self.duplicates,
            "heartbeats": self.heartbeats,
            "skipped": self.skipped,
            "accounted": accounted,
        }


def discrepancies(
    ledgers: Mapping[Partition, PartitionLedger],
    before: Mapping[Partition, int],
    after: Mapping[Partition, int],
    delivered: Mapping[Partition, int],
) -> list[str]:
    """What does not add up, one sentence each; empty if every message is accounted for.

    `before` and `after` are the ends of all partitions (high watermarks) around the sending, `delivered` what the
    producer was told that Kafka has taken.
    """
    return [
        f"{topic}[{partition}]: {problem}"
        for (topic, partition), end in sorted(after.items())
        for problem in _problems(
            ledgers.get((topic, partition)),
            before.get((topic, partition), 0),
            end,
            delivered.get((topic, partition), 0),
        )
    ]


def _problems(ledger: PartitionLedger | None, before: int, end: int, delivered: int) -> Iterator[str]:
    if end - before != delivered:
        yield f"grew by {end - before} messages, but {delivered} were delivered; does somebody else write there?"
    if ledger is None or ledger.progress is None:
        if end:
            yield f"holds {end} messages, but no consumer has taken the partition up"
        return
    if ledger.progress.first_offset > before:
        yield f"is read from offset {ledger.progress.first_offset} on, but messages were sent from offset {before} on"
    if ledger.progress.next_offset != end:
        yield f"is read up to offset {ledger.progress.next_offset} of {end}"
    for finding in check_ledger(ledger):
        yield f"{finding.kind.value}: expected {finding.expected}, found {finding.found}"
