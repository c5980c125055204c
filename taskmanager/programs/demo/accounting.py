"""The arithmetic that accounts for every message."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from taskmanager.application.verification.ledger import PartitionLedger, check_ledger
from taskmanager.programs.demo.progress import Partition, Progress

STATUSES = ("new", "in_progress", "completed", "error", "cancelled")


@dataclass(frozen=True, slots=True)
class Totals:
    """What the whole database holds, but for what was skipped, most of which the relay has written."""

    tasks: Mapping[str, int]
    events: int
    dead_letters: int
    parked: int
    refused: int
    duplicates: int
    heartbeats: int

    def summary(
        self, *, sent: int, seconds: float, skipped: int, relayed: int, relay_duplicates: int, accounted: bool
    ) -> dict[str, object]:
        """The object that `--once` prints; `skipped` are those of `sent`."""
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
            "skipped": skipped,
            "relayed": relayed,
            "relayDuplicates": relay_duplicates,
            "accounted": accounted,
        }


@dataclass(slots=True)
class Sighting:
    """What a reader of committed messages was handed of one partition; `events` are the relay's, repeated ones too.

    `lookalikes` were sent by us, but the service takes them for its own events.
    """

    messages: int = 0
    events: int = 0
    lookalikes: int = 0


def discrepancies(
    ledgers: Mapping[Partition, PartitionLedger],
    before: Progress,
    after: Progress,
    delivered: Mapping[Partition, int],
    sightings: Mapping[Partition, Sighting],
) -> list[str]:
    """What does not add up between two moments at which all was settled, one sentence each; empty if nothing.

    `delivered` is what the producer was told that Kafka has taken, `sightings` what was read back. A partition may have
    grown by these, by the relay's events, and by the marks of the relay's transactions; the latter two are skipped.
    """
    problems = []
    for partition, end in sorted(after.ends.items()):
        begin = before.ends.get(partition, 0)
        passed_over = after.skipped.get(partition, 0) - before.skipped.get(partition, 0)
        sighting = sightings.get(partition, Sighting())
        found = (
            *_growth(end - begin, passed_over, delivered.get(partition, 0), sighting),
            *_reading(ledgers.get(partition), begin, end),
        )
        problems += [f"{partition[0]}[{partition[1]}]: {problem}" for problem in found]
    return problems


def _growth(growth: int, passed_over: int, delivered: int, seen: Sighting) -> Iterator[str]:
    played = seen.messages - seen.events
    if played != delivered:
        yield (
            f"holds {played} new messages beside the relay's {seen.events}, but {delivered} were delivered; "
            "does somebody else write there?"
        )
    marks = growth - seen.messages
    expected = marks + seen.events + seen.lookalikes
    if passed_over != expected:
        yield (
            f"{passed_over} were skipped, but {expected} were to be: {seen.events} events, {marks} marks of "
            f"transactions and {seen.lookalikes} messages that look like events"
        )


def _reading(ledger: PartitionLedger | None, before: int, end: int) -> Iterator[str]:
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
