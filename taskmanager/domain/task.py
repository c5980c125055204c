"""The entity that decides which changes a task allows and which event each makes."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Self, TypedDict, TypeVar

from taskmanager.domain.errors import RefusalReason, Refused
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
from taskmanager.domain.state import TaskState, outcome_digest
from taskmanager.domain.status import TaskStatus
from taskmanager.domain.values import TaskId, TaskQuery, TaskUrl, UserEmail

_Event = TypeVar("_Event", bound=TaskEvent)


class _Envelope(TypedDict):
    task_id: TaskId
    version: int
    attempt: int
    occurred_at: datetime
    recorded_at: datetime


class WebCrawlTask(TaskState):
    """One crawl from the request to its end.

    Every method that changes the task takes `now` (when we record) and `at` (when it happened at the sender), and
    returns the event it made, or None where the command changes nothing that history keeps; it raises `Refused` where
    the state machine says no, and then nothing has changed. Rebuild a task from its events with `replay`.
    """

    __slots__ = ()

    @staticmethod
    def request(
        *,
        id: TaskId,  # noqa: A002 - the contract's name
        user_email: UserEmail,
        user_query: TaskQuery,
        original_url: TaskUrl,
        metadata: Mapping[str, str],
        correlation_id: str | None,
        at: datetime,
        now: datetime,
    ) -> TaskCreated:
        """The event that makes a new task; `WebCrawlTask(event)` is the task."""
        return TaskCreated(
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

    @classmethod
    def replay(cls, events: Iterable[TaskEvent]) -> Self:
        """The task as its events say, but for what heartbeats told since it started, which no event keeps.

        Raises `ValueError` where the events are not the whole history of one task in order: a TaskCreated first and
        only there, versions 1..n, and changes that the state machine allows.
        """
        history = iter(events)
        first = next(history, None)
        if not isinstance(first, TaskCreated) or (first.version, first.attempt) != (1, 1):
            raise ValueError("a task's history starts with TaskCreated, version 1, attempt 1")
        task = cls(first)
        for event in history:
            task.advance(event)
        return task

    def advance(self, event: TaskEvent) -> None:
        """Takes in the next event of the task's history; raises `ValueError` where it does not follow, see `replay`."""
        self._check_follows(event)
        self._apply(event)

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
        return self._record(TaskStarted(**self._next(at, now), worker=worker, progress=progress))

    def complete(self, *, result: str, at: datetime, now: datetime, attempt: int | None = None) -> TaskCompleted | None:
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
        """Starts another attempt of a failed or cancelled task."""
        self._check_not_deleted()
        if self.status is TaskStatus.IN_PROGRESS:
            raise Refused(RefusalReason.INVALID_TRANSITION, "a worker is at the task; cancel it first")
        self._check_transition(TaskStatus.NEW)
        return self._next_attempt(at, now, not_before, reason)

    def time_out(
        self, *, at: datetime, now: datetime, not_before: datetime | None = None, reason: str | None = None
    ) -> TaskRetried:
        """Gives up on the worker of a task in progress and starts another attempt."""
        self._check_not_deleted()
        if self.status is not TaskStatus.IN_PROGRESS:
            raise Refused(RefusalReason.INVALID_TRANSITION, f"a task that is {self.status.value} cannot time out")
        return self._next_attempt(at, now, not_before, reason)

    def delete(self, *, at: datetime, now: datetime) -> TaskDeleted | None:
        """Hides a settled task; again changes nothing."""
        if self.deleted_at is not None:
            return None
        if not self.status.is_settled:
            detail = f"a task that is {self.status.value} cannot be deleted; cancel it first"
            raise Refused(RefusalReason.INVALID_TRANSITION, detail)
        return self._record(TaskDeleted(**self._next(at, now)))

    def _check_not_deleted(self) -> None:
        if self.deleted_at is not None:
            raise Refused(RefusalReason.TASK_DELETED, "the task was deleted")

    def _check_attempt(self, attempt: int | None, at: datetime) -> None:
        self._check_not_deleted()
        if attempt is None:
            if self.attempt_started_at is not None and at < self.attempt_started_at:
                raise Refused(RefusalReason.STALE_ATTEMPT, f"reported before attempt {self.attempt} began")
        elif attempt < self.attempt:
            raise Refused(RefusalReason.STALE_ATTEMPT, f"attempt {attempt} is over; the task is at {self.attempt}")
        elif attempt > self.attempt:
            detail = f"attempt {attempt} has not begun; the task is at {self.attempt}"
            raise Refused(RefusalReason.UNKNOWN_ATTEMPT, detail)

    def _check_transition(self, target: TaskStatus) -> None:
        if not self.status.allows(target):
            raise Refused(RefusalReason.INVALID_TRANSITION, f"{self.status.value} does not become {target.value}")

    def _check_follows(self, event: TaskEvent) -> None:
        if event.task_id != self.id or event.version != self.version + 1:
            raise ValueError(
                f"version {event.version} of {event.task_id} does not follow version {self.version} of {self.id}"
            )
        target = EVENT_STATUS.get(type(event))
        allowed = self.status.allows(target) if target else self.status.is_settled
        if isinstance(event, TaskCreated) or self.deleted_at is not None or not allowed:
            raise ValueError(f"{type(event).__name__} cannot follow version {self.version}: {self.status.value}")
        if event.attempt != self.attempt + isinstance(event, TaskRetried):
            raise ValueError(f"{type(event).__name__} of attempt {event.attempt} cannot follow attempt {self.attempt}")
        if event.recorded_at < self.updated_at:
            raise ValueError(f"version {event.version} was recorded before version {self.version}")

    def _is_repeated(self, target: TaskStatus, outcome: str) -> bool:
        if self.status is target:
            known = self.result if target is TaskStatus.COMPLETED else self.error
            if outcome_digest(outcome) == self.outcome if known is None else outcome == known:
                return True
            raise Refused(RefusalReason.CONFLICTING_REPORT, f"already {target.value} with another content")
        self._check_transition(target)
        return False

    def _heartbeat(self, now: datetime, worker: str | None, progress: float | None) -> None:
        self.last_heartbeat_at = max(now, self.last_heartbeat_at or self.updated_at)
        if worker is not None:
            self.worker = worker
        if progress is not None:
            self.progress = progress

    def _next_attempt(
        self, at: datetime, now: datetime, not_before: datetime | None, reason: str | None
    ) -> TaskRetried:
        following = self._next(at, now)
        following["attempt"] = self.attempt + 1
        return self._record(TaskRetried(**following, not_before=not_before, reason=reason))

    def _next(self, at: datetime, now: datetime) -> _Envelope:
        return {
            "task_id": self.id,
            "version": self.version + 1,
            "attempt": self.attempt,
            "occurred_at": at,
            "recorded_at": max(now, self.updated_at),
        }

    def _record(self, event: _Event) -> _Event:
        self._apply(event)
        return event
