"""What a task's events make of it."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from hashlib import sha256

from taskmanager.domain.events import (
    EVENT_STATUS,
    TaskCancelled,
    TaskCompleted,
    TaskCreated,
    TaskDeleted,
    TaskEvent,
    TaskFailed,
    TaskRetried,
    TaskStarted,
)
from taskmanager.domain.status import TaskStatus
from taskmanager.domain.values import TaskId, TaskQuery, TaskUrl, UserEmail


def outcome_digest(outcome: str) -> str:
    """SHA-256 (hex) of a result or an error text: enough to tell a repeated final report from a different one."""
    return sha256(outcome.encode()).hexdigest()


class TaskState:
    """A task as its events leave it; times of workers are theirs, `created_at`, `updated_at` and `deleted_at` ours."""

    __slots__ = (
        "attempt",
        "attempt_started_at",
        "correlation_id",
        "created_at",
        "deleted_at",
        "error",
        "finished_at",
        "id",
        "last_heartbeat_at",
        "metadata",
        "not_before",
        "original_url",
        "outcome",
        "progress",
        "received_at",
        "result",
        "retryable",
        "started_at",
        "status",
        "updated_at",
        "user_email",
        "user_query",
        "version",
        "worker",
    )

    id: TaskId
    user_email: UserEmail
    user_query: TaskQuery
    original_url: TaskUrl
    metadata: Mapping[str, str]
    correlation_id: str | None
    status: TaskStatus
    version: int
    attempt: int
    received_at: datetime
    created_at: datetime
    updated_at: datetime
    attempt_started_at: datetime | None  # None in the first attempt, which every report that names none belongs to
    not_before: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    last_heartbeat_at: datetime | None
    worker: str | None
    progress: float | None
    result: str | None
    error: str | None
    retryable: bool | None
    outcome: str | None  # digest of a result or error whose text was not loaded with the task
    deleted_at: datetime | None

    def __init__(self, created: TaskCreated) -> None:
        self.id = created.task_id
        self.user_email = created.user_email
        self.user_query = created.user_query
        self.original_url = created.original_url
        self.metadata = created.metadata
        self.correlation_id = created.correlation_id
        self.status = TaskStatus.NEW
        self.version = created.version
        self.attempt = created.attempt
        self.received_at = created.occurred_at
        self.created_at = self.updated_at = created.recorded_at
        self.attempt_started_at = self.not_before = self.started_at = self.finished_at = None
        self.last_heartbeat_at = self.deleted_at = None
        self.worker = self.progress = self.result = self.error = self.retryable = self.outcome = None

    @property
    def is_completed(self) -> bool:
        """True once a result was delivered."""
        return self.status is TaskStatus.COMPLETED

    @property
    def is_in_progress(self) -> bool:
        """True while a worker is at it."""
        return self.status is TaskStatus.IN_PROGRESS

    @property
    def duration(self) -> timedelta | None:
        """How long the attempt took: from its start (where none was reported, from when it could start) to its end.

        Never negative; None while the task is not settled.
        """
        if self.finished_at is None:
            return None
        return max(self.finished_at - (self.started_at or self.attempt_started_at or self.received_at), timedelta(0))

    def _apply(self, event: TaskEvent) -> None:
        self.version = event.version
        self.updated_at = event.recorded_at
        self.status = EVENT_STATUS.get(type(event), self.status)
        match event:
            case TaskStarted():
                self.started_at = event.occurred_at
                self.last_heartbeat_at = event.recorded_at
                self.worker = event.worker
                self.progress = event.progress
            case TaskCompleted():
                self.finished_at = event.occurred_at
                self.result = event.result
            case TaskFailed():
                self.finished_at = event.occurred_at
                self.error = event.error
                self.retryable = event.retryable
            case TaskCancelled():
                self.finished_at = event.occurred_at
            case TaskRetried():
                self._begin_attempt(event)
            case TaskDeleted():
                self.deleted_at = event.recorded_at

    def _begin_attempt(self, event: TaskRetried) -> None:
        self.attempt = event.attempt
        self.attempt_started_at = event.recorded_at
        self.not_before = event.not_before
        self.started_at = self.finished_at = self.last_heartbeat_at = None
        self.worker = self.progress = self.result = self.error = self.retryable = self.outcome = None
