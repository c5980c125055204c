"""What happened to a task (kept for ever and told), and what happened to the service itself (told, not kept)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from taskmanager.domain.status import TaskStatus
from taskmanager.domain.values import TaskId, TaskQuery, TaskUrl, UserEmail


# Not `frozen`: that triples the cost of making one, and every message makes one.
@dataclass(slots=True, kw_only=True)
class TaskEvent:
    """One change of one task, itself never changed; `version` counts a task's events from 1 without a gap.

    `occurred_at` is the sender's time, `recorded_at` ours; the latter never goes back within a task.
    """

    task_id: TaskId
    version: int
    attempt: int
    occurred_at: datetime
    recorded_at: datetime


@dataclass(slots=True, kw_only=True)
class TaskCreated(TaskEvent):
    """A request became a task."""

    user_email: UserEmail
    user_query: TaskQuery
    original_url: TaskUrl
    metadata: Mapping[str, str] = field(default_factory=dict)
    correlation_id: str | None = None


@dataclass(slots=True, kw_only=True)
class TaskStarted(TaskEvent):
    """A worker began; progress is 0..1."""

    worker: str | None = None
    progress: float | None = None


@dataclass(slots=True, kw_only=True)
class TaskCompleted(TaskEvent):
    """A worker delivered a result: text, or the text of a JSON value."""

    result: str


@dataclass(slots=True, kw_only=True)
class TaskFailed(TaskEvent):
    """A worker gave up; `retryable` is its opinion, None where it has none."""

    error: str
    retryable: bool | None = None


@dataclass(slots=True, kw_only=True)
class TaskCancelled(TaskEvent):
    """Somebody no longer wants it."""


@dataclass(slots=True, kw_only=True)
class TaskRetried(TaskEvent):
    """A new attempt (`attempt` is its number), not to be started before `not_before`."""

    not_before: datetime | None = None
    reason: str | None = None


@dataclass(slots=True, kw_only=True)
class TaskDeleted(TaskEvent):
    """A settled task was hidden."""


EVENT_TYPES: Mapping[str, type[TaskEvent]] = {
    kind.__name__: kind
    for kind in (TaskCreated, TaskStarted, TaskCompleted, TaskFailed, TaskCancelled, TaskRetried, TaskDeleted)
}

# The status that each event leaves a task in; a deletion leaves it as it was.
EVENT_STATUS: Mapping[type[TaskEvent], TaskStatus] = {
    TaskCreated: TaskStatus.NEW,
    TaskStarted: TaskStatus.IN_PROGRESS,
    TaskCompleted: TaskStatus.COMPLETED,
    TaskFailed: TaskStatus.ERROR,
    TaskCancelled: TaskStatus.CANCELLED,
    TaskRetried: TaskStatus.NEW,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemEvent:
    """Something about the service itself; `process` is the program's slot, such as consumer-00."""

    process: str
    occurred_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthCheck(SystemEvent):
    """How a process finds its dependencies."""

    healthy: bool
    checks: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricsUpdate(SystemEvent):
    """Figures of a process since its start."""

    figures: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorOccurred(SystemEvent):
    """A failure that operators should know of."""

    error: str
    detail: str
