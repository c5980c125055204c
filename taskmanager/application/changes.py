"""Everything that one transaction writes."""

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Self

import msgspec

from taskmanager.application.commands import (
    Cause,
    CreateTask,
    DeleteTask,
    InboundMessage,
    Partition,
    Reject,
    ReportStatus,
    Source,
)
from taskmanager.application.dead_letter_model import LetterAction
from taskmanager.domain.errors import Refused
from taskmanager.domain.events import TaskCreated, TaskDeleted, TaskEvent
from taskmanager.domain.status import TaskStatus
from taskmanager.domain.task import WebCrawlTask


class Outcome(StrEnum):
    """What became of a message; the names of the counting columns of consumer_offsets."""

    CREATED = "created"
    APPLIED = "applied"
    HEARTBEAT = "heartbeat"
    DUPLICATE = "duplicate"
    REFUSED = "refused"
    PARKED = "parked"
    DEAD = "dead"
    SKIPPED = "skipped"

    __hash__ = str.__hash__  # that of Enum is written in Python, and every message needs one


class PartitionProgress(msgspec.Struct):
    """How a transaction moves a partition: to which offset, and what its messages came to."""

    start: int
    next_offset: int
    ingested_at: datetime | None = None
    outcomes: dict[Outcome, int] = msgspec.field(default_factory=dict)

    def count(self, outcome: Outcome, by: int = 1) -> None:
        """One more message came to this."""
        self.outcomes[outcome] = self.outcomes.get(outcome, 0) + by

    def followed_by(self, later: Self) -> Self:
        """This progress and the one that begins where it ends, as one."""
        both = type(self)(self.start, later.next_offset, later.ingested_at, dict(self.outcomes))
        for outcome, count in later.outcomes.items():
            both.count(outcome, count)
        return both


class Changes:
    """Collects what a transaction writes; adapters write each kind with one statement."""

    __slots__ = (
        "_last_hour",
        "changed",
        "counts",
        "created",
        "dead",
        "durations",
        "letter_actions",
        "now",
        "parked",
        "progress",
        "recorded",
        "refused",
        "unparked",
        "unparked_counts",
    )

    def __init__(self, now: datetime, progress: Mapping[Partition, PartitionProgress]) -> None:
        self.now = now
        self._last_hour: tuple[datetime, datetime] | None = None
        self.progress = progress
        self.created: dict[str, tuple[TaskCreated, CreateTask]] = {}
        self.recorded: list[tuple[TaskEvent, Cause]] = []
        self.changed: dict[str, WebCrawlTask] = {}
        self.counts: dict[tuple[datetime, TaskStatus], int] = {}
        self.dead: list[tuple[InboundMessage, Reject]] = []
        self.parked: list[ReportStatus] = []
        self.unparked: list[int] = []
        self.unparked_counts: dict[Partition, dict[Outcome, int]] = {}
        self.durations: dict[TaskStatus, list[float]] = {}
        self.refused: list[tuple[CreateTask | ReportStatus, Refused]] = []
        self.letter_actions: list[LetterAction] = []

    def record(self, task: WebCrawlTask, before: TaskStatus, event: TaskEvent, cause: Cause) -> None:
        """An event changed a task that was in the status `before`."""
        self.changed[task.id] = task
        self.recorded.append((event, cause))
        self.count_transition(task.created_at, before, task.status)
        duration = task.duration
        if duration is not None:
            self.durations.setdefault(task.status, []).append(duration.total_seconds())

    def record_deletion(self, task: WebCrawlTask, event: TaskDeleted, cause: DeleteTask) -> None:
        """A settled task is hidden: it counts no more."""
        self.changed[task.id] = task
        self.recorded.append((event, cause))
        self.count_status(task.created_at, task.status, -1)

    def count_status(self, created_at: datetime, status: TaskStatus, by: int) -> None:
        """The number of tasks made in that hour that are in this status goes up or down."""
        key = (self._hour(created_at), status)
        self.counts[key] = self.counts.get(key, 0) + by

    def count_transition(self, created_at: datetime, before: TaskStatus, after: TaskStatus) -> None:
        """A task made in that hour moved from one status to another."""
        hour = self._hour(created_at)
        counts = self.counts
        counts[hour, before] = counts.get((hour, before), 0) - 1
        counts[hour, after] = counts.get((hour, after), 0) + 1

    def _hour(self, moment: datetime) -> datetime:
        """The hour in UTC. The tasks of one batch were mostly made at one moment: remember the last."""
        if self._last_hour is None or self._last_hour[0] != moment:
            self._last_hour = moment, moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        return self._last_hour[1]

    def count_unparked(self, source: Source | InboundMessage, outcome: Outcome) -> None:
        """A report that had been parked came to something that leaves no row."""
        counts = self.unparked_counts.setdefault(Partition(source.topic, source.partition), {})
        counts[outcome] = counts.get(outcome, 0) + 1
