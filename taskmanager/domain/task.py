"""The entity that decides which changes a task allows and which event each makes."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Self

from taskmanager.domain.errors import Refused, RefusalReason
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


class WebCrawlTask:
    """One crawl from the request to its end.

    Every method that changes the task takes `now` (when we record) and `at` (when it happened at the sender), and
    returns the event it made, or None where the command changes nothing that history keeps; it raises `Refused` where
    the state machine says no. Rebuild a task from its events with `replay`.
    """

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
    attempt_started_at: datetime | None
    not_before: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    last_heartbeat_at: datetime | None
    worker: str | None
    progress: float | None
    result: str | None
    error: str | None
    retryable: bool | None
    outcome: str | None  # digest of the result or error: a loaded task may come without the texts themselves
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

    @classmethod
    def create(
        cls,
        *,
        id: TaskId,  # noqa: A002 - the contract's name
        user_email: UserEmail,
        user_query: TaskQuery,
        original_url: TaskUrl,
        metadata: Mapping[str, str],
        correlation_id: str | None,
        at: datetime,
        now: datetime,
    ) -> tuple[Self, TaskCreated]:
        """A new task and the event that made it."""
        created = TaskCreated(
            task_id=id,
            version=1,
            attempt=1,
            occurred_at=at,
            recorded_at=now,
            user_email=user_email,
            user_query=user_query,
            original_url=original_url,
            metadata=metadata,
            correlation_id=correlation_id,
        )
        return cls(created), created

    @classmethod
    def replay(cls, events: Iterable[TaskEvent]) -> Self:
        """The task as its events say; the first must be TaskCreated (`ValueError` otherwise)."""
        history = iter(events)
        first = next(history, None)
        if not isinstance(first, TaskCreated):
            raise ValueError("a task's history starts with TaskCreated")  # noqa: TRY004 - the order is wrong, not a type
        task = cls(first)
        for event in history:
            if event.version != task.version + 1:
                raise ValueError(f"version {event.version} follows version {task.version}")
            task._apply(event)
        return task

    # -- what may be asked -------------------------------------------------------------------------------------------

    def repeat_request(
        self, user_email: UserEmail, user_query: TaskQuery, original_url: TaskUrl, metadata: Mapping[str, str]
    ) -> None:
        """Accepts a second request for this id if it asks for the same thing; else raises `Refused`."""
        if (self.user_email, self.user_query, self.original_url, self.metadata) != (
            user_email,
            user_query,
            original_url,
            metadata,
        ):
            raise Refused(RefusalReason.CONFLICTING_REQUEST, "the id belongs to a task with other content")

    def start(
        self,
        *,
        at: datetime,
        now: datetime,
        attempt: int | None = None,
        worker: str | None = None,
        progress: float | None = None,
    ) -> TaskStarted | None:
        """A worker began; repeated within an attempt it is a heartbeat, which renews the lease and makes no event."""
        self._check_attempt(attempt, at)
        if self.status is TaskStatus.IN_PROGRESS:
            self._heartbeat(now, worker, progress)
            return None
        self._check_transition(TaskStatus.IN_PROGRESS)
        return self._record(
            TaskStarted(**self._next(at, now), worker=worker, progress=progress),
        )

    def complete(
        self, *, result: str, at: datetime, now: datetime, attempt: int | None = None
    ) -> TaskCompleted | None:
        """A worker delivered; the same result again changes nothing."""
        self._check_attempt(attempt, at)
        if self._is_repeated(TaskStatus.COMPLETED, result):
            return None
        return self._record(TaskCompleted(**self._next(at, now), result=result))

    def fail(
        self,
        *,
        error: str,
        at: datetime,
        now: datetime,
        retryable: bool | None = None,
        attempt: int | None = None,
    ) -> TaskFailed | None:
        """A worker gave up; the same error again changes nothing."""
        self._check_attempt(attempt, at)
        if self._is_repeated(TaskStatus.ERROR, error):
            return None
        return self._record(TaskFailed(**self._next(at, now), error=error, retryable=retryable))

    def cancel(self, *, at: datetime, now: datetime, attempt: int | None = None) -> TaskCancelled | None:
        """Nobody wants it any more; again changes nothing."""
        self._check_attempt(attempt, at)
        if self.status is TaskStatus.CANCELLED:
            return None
        self._check_transition(TaskStatus.CANCELLED)
        return self._record(TaskCancelled(**self._next(at, now)))

    def retry(
        self, *, at: datetime, now: datetime, not_before: datetime | None = None, reason: str | None = None
    ) -> TaskRetried:
        """Starts another attempt of a failed or cancelled task, or of one that timed out in progress."""
        self._check_transition(TaskStatus.NEW)
        following = self._next(at, now)
        following["attempt"] = self.attempt + 1
        return self._record(TaskRetried(**following, not_before=not_before, reason=reason))

    def delete(self, *, at: datetime, now: datetime) -> TaskDeleted | None:
        """Hides a settled task; again changes nothing."""
        if self.deleted_at is not None:
            return None
        if not self.status.is_settled:
            raise Refused(RefusalReason.INVALID_TRANSITION, f"a task that is {self.status.value} cannot be deleted; cancel it first")
        return self._record(TaskDeleted(**self._next(at, now)))

    # -- what follows from it ----------------------------------------------------------------------------------------

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
        """From start (or creation, where no start was reported) to end; never negative, None while it is not settled."""
        if self.finished_at is None:
            return None
        return max(self.finished_at - (self.started_at or self.received_at), timedelta(0))

    # -- how it is done ----------------------------------------------------------------------------------------------

    def _check_attempt(self, attempt: int | None, at: datetime) -> None:
        if self.deleted_at is not None:
            raise Refused(RefusalReason.TASK_DELETED, "the task was deleted")
        if attempt is None:
            if self.attempt_started_at is not None and at < self.attempt_started_at:
                raise Refused(RefusalReason.STALE_ATTEMPT, f"reported before attempt {self.attempt} began")
        elif attempt < self.attempt:
            raise Refused(RefusalReason.STALE_ATTEMPT, f"attempt {attempt} is over; the task is at {self.attempt}")
        elif attempt > self.attempt:
            raise Refused(RefusalReason.UNKNOWN_ATTEMPT, f"attempt {attempt} has not begun; the task is at {self.attempt}")

    def _check_transition(self, target: TaskStatus) -> None:
        if self.deleted_at is not None:
            raise Refused(RefusalReason.TASK_DELETED, "the task was deleted")
        if not self.status.allows(target):
            raise Refused(RefusalReason.INVALID_TRANSITION, f"{self.status.value} does not become {target.value}")

    def _is_repeated(self, target: TaskStatus, outcome: str) -> bool:
        if self.status is target:
            if self.outcome == outcome_digest(outcome):
                return True
            raise Refused(RefusalReason.CONFLICTING_REPORT, f"already {target.value} with another content")
        self._check_transition(target)
        return False

    def _heartbeat(self, now: datetime, worker: str | None, progress: float | None) -> None:
        self.last_heartbeat_at = max(now, self.updated_at)
        if worker is not None:
            self.worker = worker
        if progress is not None:
            self.progress = progress

    def _next(self, at: datetime, now: datetime) -> "dict[str, object]":
        return {
            "task_id": self.id,
            "version": self.version + 1,
            "attempt": self.attempt,
            "occurred_at": at,
            "recorded_at": max(now, self.updated_at),
        }

    def _record(self, event):
        self._apply(event)
        return event

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
                self.outcome = outcome_digest(event.result)
            case TaskFailed():
                self.finished_at = event.occurred_at
                self.error = event.error
                self.retryable = event.retryable
                self.outcome = outcome_digest(event.error)
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
