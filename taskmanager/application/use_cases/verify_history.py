"""Proves that history is complete and agrees with itself."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Protocol

import msgspec

from taskmanager.application.commands import Partition
from taskmanager.application.offsets import TopicEnds
from taskmanager.application.verification.findings import Finding, Findings
from taskmanager.application.verification.ledger import PartitionLedger, check_ledger
from taskmanager.application.verification.replay import TaskHistory, check_history
from taskmanager.application.verification.topics import check_topics, lag

Counted = tuple[Finding, int]
Progress = Callable[[str], None]

_TELL_EVERY = 10_000


class History(Protocol):
    """All that is stored, as it was at one moment; every method may raise a `StoreError`.

    Findings come as examples, a limited number of each kind, each with the number of all of its kind.
    """

    def totals(self) -> tuple[int, int]:
        """The numbers of tasks and of events."""

    def ledgers(self) -> Sequence[PartitionLedger]:
        """Every partition that has an offset, or that a row names as its source."""

    def check_positions(self) -> Iterable[Counted]:
        """Offsets that are named twice, lie outside what was read, are missing, or are named incompletely."""

    def check_versions(self) -> Iterable[Counted]:
        """Versions with a gap, and numbers or times that do not grow with them."""

    def check_tasks(self) -> Iterable[Counted]:
        """Tasks without events, events without a task, and tasks that are not at their last event."""

    def check_counters(self) -> Iterable[Counted]:
        """Counters that are not the number of tasks of their hour and status."""

    def histories(self, sample: int | None) -> Iterator[TaskHistory]:
        """Every task that has events, or so many drawn at random; a few thousand in memory at a time."""


class Verification(msgspec.Struct, frozen=True, kw_only=True):
    """What was looked at and what was found; `lag` is None where Kafka was not asked.

    In `reset` partitions, which were set back or to another incarnation of their topic, an offset may name several
    messages: what they came to is counted, but not offset by offset.
    """

    findings: Findings
    partitions: int
    offsets: int
    tasks: int
    events: int
    replayed: int
    lag: int | None
    reset: int

    @property
    def is_clean(self) -> bool:
        """True where nothing was found wrong."""
        return not self.findings.totals


class VerifyHistory:
    """Runs all checks on a history; `topic_ends` is asked after the offsets were read, and may answer None."""

    def __init__(
        self, history: History, topic_ends: Callable[[], Mapping[Partition, TopicEnds] | None], progress: Progress
    ) -> None:
        self._history = history
        self._topic_ends = topic_ends
        self._progress = progress
        self._findings = Findings()

    def __call__(self, sample: int | None = None) -> Verification:
        """Replays every task, or `sample` of them drawn at random; all other checks look at everything."""
        history, findings = self._history, self._findings
        self._progress("counting what each partition came to")
        tasks, events = history.totals()
        ledgers = history.ledgers()
        for ledger in ledgers:
            findings.add(check_ledger(ledger))
        behind = self._compare_with_kafka(ledgers)
        checks = {
            "source offsets": history.check_positions,
            "versions": history.check_versions,
            "tasks against their last events": history.check_tasks,
            "counters": history.check_counters,
        }
        for name, check in checks.items():
            self._progress(f"checking {name}")
            findings.add_counted(check())
        replayed = self._replay(sample, tasks if sample is None else min(sample, tasks))
        read = [part for ledger in ledgers for part in (*ledger.retired, ledger.progress) if part is not None]
        return Verification(
            findings=findings,
            partitions=len(ledgers),
            offsets=sum(progress.next_offset - progress.first_offset for progress in read),
            tasks=tasks,
            events=events,
            replayed=replayed,
            lag=behind,
            reset=sum(bool(ledger.retired) for ledger in ledgers),
        )

    def _compare_with_kafka(self, ledgers: Sequence[PartitionLedger]) -> int | None:
        self._progress("asking Kafka how far its topics go")
        ends = self._topic_ends()
        if ends is None:
            return None
        self._findings.add(check_topics(ledgers, ends))
        return lag(ledgers, ends)

    def _replay(self, sample: int | None, wanted: int) -> int:
        replayed = 0
        for history in self._history.histories(sample):
            self._findings.add(check_history(history))
            replayed += 1
            if replayed % _TELL_EVERY == 0:
                self._progress(f"replaying: {replayed:,} of {wanted:,} tasks")
        return replayed
