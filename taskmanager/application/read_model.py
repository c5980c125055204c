"""How a task is shown to readers, and what those who look it up need of the store."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Protocol

import msgspec

from taskmanager.domain.state import TaskState
from taskmanager.domain.values import TaskId, UserEmail


class TaskView(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A task as REST and our own messages show it; times in UTC, `duration_seconds` None until it is settled."""

    id: str
    status: str
    version: int
    attempt: int
    user_email: str
    user_query: str
    original_url: str
    metadata: Mapping[str, str]
    correlation_id: str | None
    received_at: datetime
    created_at: datetime
    updated_at: datetime
    not_before: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    last_heartbeat_at: datetime | None
    duration_seconds: float | None
    worker: str | None
    progress: float | None
    result: str | None
    error: str | None
    retryable: bool | None


def task_view(task: TaskState) -> TaskView:
    """The task as its events have made it; heartbeats, which leave no event, may show more on its row."""
    # Plain texts: encoders of JSON know nothing of value objects.
    duration = task.duration
    return TaskView(
        id=str(task.id),
        status=task.status,
        version=task.version,
        attempt=task.attempt,
        user_email=str(task.user_email),
        user_query=str(task.user_query),
        original_url=str(task.original_url),
        metadata=task.metadata,
        correlation_id=task.correlation_id,
        received_at=_utc(task.received_at),
        created_at=_utc(task.created_at),
        updated_at=_utc(task.updated_at),
        not_before=_utc_or_none(task.not_before),
        started_at=_utc_or_none(task.started_at),
        finished_at=_utc_or_none(task.finished_at),
        last_heartbeat_at=_utc_or_none(task.last_heartbeat_at),
        duration_seconds=duration.total_seconds() if duration is not None else None,
        worker=task.worker,
        progress=task.progress,
        result=task.result,
        error=task.error,
        retryable=task.retryable,
    )


def _utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo is UTC else moment.astimezone(UTC)


def _utc_or_none(moment: datetime | None) -> datetime | None:
    return None if moment is None else _utc(moment)


class TaskReader(Protocol):
    """Where single tasks are looked up."""

    async def find(self, task_id: TaskId, owner: UserEmail | None = None) -> TaskView | None:
        """The task, None if there is none, it was deleted, or is not the `owner`'s; may raise a `StoreError`."""


class TaskFigures(Protocol):
    """Where tasks are counted."""

    async def created_within(self, hours: float) -> Mapping[str, int]:
        """Tasks created in the last `hours` (> 0) by their present status; may raise a `StoreError`."""

    async def by_status(self) -> Mapping[str, int]:
        """All tasks by status; may raise a `StoreError`."""
