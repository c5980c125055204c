"""How a task is shown to readers, and what those who look it up need of the store."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

import msgspec

from taskmanager.domain.values import TaskId


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


class TaskReader(Protocol):
    """Where single tasks are looked up."""

    async def find(self, task_id: TaskId) -> TaskView | None:
        """The task, None if there is none or it was deleted; may raise a `StoreError`."""


class TaskFigures(Protocol):
    """Where tasks are counted."""

    async def created_within(self, hours: float) -> Mapping[str, int]:
        """Tasks created in the last `hours` (> 0) by their present status; may raise a `StoreError`."""

    async def by_status(self) -> Mapping[str, int]:
        """All tasks by status; may raise a `StoreError`."""
