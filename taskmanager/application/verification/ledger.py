"""The arithmetic that every partition must satisfy."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from taskmanager.application.changes import Outcome
from taskmanager.application.commands import Partition
from taskmanager.application.verification.findings import Finding, FindingKind


class StoredProgress(NamedTuple):
    """A partition's row of offsets: from where to where it was read, and what its messages came to when read."""

    topic_id: str
    first_offset: int
    next_offset: int
    outcomes: Mapping[Outcome, int]


class PartitionLedger(NamedTuple):
    """A partition's progress (None where no row knows it) beside the rows that name it as their source.

    `unparked` counts reports that were parked and turned out to be duplicates or heartbeats, which leave no row;
    `dead_later` are dead letters that had been parked and replaced their parked row. `retired` is what was read
    before the partition was set back, or to another incarnation of its topic; rows do not tell which of it they are of.
    """

    partition: Partition
    progress: StoredProgress | None
    created_events: int
    other_events: int
    refused: int
    parked: int
    dead: int
    dead_later: int
    unparked: int
    retired: Sequence[StoredProgress] = ()

    @property
    def name(self) -> str:
        """topic/partition."""
        return f"{self.partition.topic}/{self.partition.partition}"


def check_ledger(ledger: PartitionLedger) -> Iterator[Finding]:
    """What does not add up in a partition.

    What a message came to when it was read stays counted; a report that was parked then may since have become an event,
    a refused report, a dead letter, or one of `unparked`. Creations and other dead letters never come from there.
    """
    progress = ledger.progress
    if progress is None:
        yield Finding(FindingKind.UNKNOWN_PARTITION, ledger.name, "a row in consumer_offsets", "none")
        return
    parts = [*ledger.retired, progress]
    for part in parts:
        reached = part.first_offset + sum(part.outcomes.values())
        if reached != part.next_offset:
            yield _finding(FindingKind.OUTCOME_ARITHMETIC, ledger, f"next_offset {reached}", part.next_offset)
    count = {outcome: sum(part.outcomes.get(outcome, 0) for part in parts) for outcome in Outcome}
    if ledger.created_events != count[Outcome.CREATED]:
        yield _finding(FindingKind.CREATED_EVENTS, ledger, count[Outcome.CREATED], ledger.created_events)
    if ledger.dead != count[Outcome.DEAD]:
        yield _finding(FindingKind.DEAD_LETTER_ROWS, ledger, count[Outcome.DEAD], ledger.dead)
    applied_later = ledger.other_events - count[Outcome.APPLIED]
    if applied_later < 0:
        yield _finding(FindingKind.OTHER_EVENTS, ledger, f"at least {count[Outcome.APPLIED]}", ledger.other_events)
    refused_later = ledger.refused - count[Outcome.REFUSED]
    if refused_later < 0:
        yield _finding(FindingKind.REFUSED_ROWS, ledger, f"at least {count[Outcome.REFUSED]}", ledger.refused)
    settled = applied_later + refused_later + ledger.dead_later + ledger.unparked
    if ledger.parked + settled != count[Outcome.PARKED]:
        yield _finding(
            FindingKind.PARKED_REPORTS,
            ledger,
            f"{count[Outcome.PARKED]} that were parked",
            f"{ledger.parked} still parked, {applied_later} applied, {refused_later} refused, "
            f"{ledger.dead_later} dead and {ledger.unparked} without effect",
        )


def _finding(kind: FindingKind, ledger: PartitionLedger, expected: object, found: object) -> Finding:
    return Finding(kind, ledger.name, str(expected), str(found))
