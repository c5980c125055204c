"""The arithmetic that accounts for every message."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

# What the service counts for each message, in the order of the ledger's columns.
OUTCOMES = ("created", "applied", "heartbeat", "duplicate", "refused", "parked", "dead", "skipped")
STATUSES = ("new", "in_progress", "completed", "error", "cancelled")

Partition = tuple[str, int]


@dataclass(frozen=True, slots=True)
class PartitionLedger:
    """One partition as the database has it: offsets, counts by outcome, and the rows that its messages left."""

    topic: str
    partition: int
    first_offset: int
    next_offset: int
    counts: Mapping[str, int]
    events: int
    refused: int
    parked: int
    dead: int
    unparked: int  # reports that were parked and turned out to be duplicates or heartbeats


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
    if ledger is None:
        if end:
            yield f"holds {end} messages, but no consumer has taken the partition up"
        return
    if ledger.first_offset > before:
        yield f"is read from offset {ledger.first_offset} on, but messages were sent from offset {before} on"
    if ledger.next_offset != end:
        yield f"is read up to offset {ledger.next_offset} of {end}"
    counted = sum(ledger.counts.values())
    if ledger.first_offset + counted != ledger.next_offset:
        yield f"{ledger.next_offset - ledger.first_offset} messages were read, but {counted} outcomes are counted"
    yield from _missing_rows(ledger)


def _missing_rows(ledger: PartitionLedger) -> Iterator[str]:
    counts = ledger.counts
    unparked = counts["parked"] - ledger.parked
    # What left the parked reports has become an event, a refused report, a dead letter, or a count of its own.
    moved = {
        "events": ledger.events - counts["created"] - counts["applied"],
        "refused reports": ledger.refused - counts["refused"],
        "dead letters": ledger.dead - counts["dead"],
    }
    for rows, surplus in moved.items():
        if surplus < 0:
            yield f"{-surplus} of the {rows} that were counted have no row"
    found = sum(moved.values()) + ledger.unparked
    if found != unparked:
        yield f"{unparked} reports were parked and are so no more, but {found} are found elsewhere"
