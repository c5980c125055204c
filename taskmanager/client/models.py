"""What requests hold and answers show, beside the forms of a task itself; times are in UTC.

Members of an answer that are not known here are passed over, so that a newer server is understood.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from taskmanager.application.feed.model import EventSource
from taskmanager.application.task_lists import ListedTask
from taskmanager.client.errors import FieldProblem


class NewTask(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True
):
    """A page to crawl and what to look for there; a caller who is bound to a user may leave out `user_email`."""

    user_query: str
    original_url: str
    user_email: str | None = None
    metadata: Mapping[str, str] = {}
    correlation_id: str | None = None


class TaskOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the task at `index` of many: its id, or what is wrong with it."""

    index: int
    id: str | None = None
    errors: tuple[FieldProblem, ...] = ()


class TaskPage(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A page of tasks, their results left out; `next_cursor` leads on and is None after the last."""

    items: list[ListedTask]
    next_cursor: str | None = None


class Event(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """An event of the log; `sequence` is its place there, `status` that of the task afterwards."""

    sequence: int
    event_id: str
    task_id: str
    type: str
    status: str | None
    version: int
    attempt: int
    occurred_at: datetime
    recorded_at: datetime
    data: Mapping[str, Any] = {}
    actor: str | None = None
    correlation_id: str | None = None
    source: EventSource | None = None
    trace_id: str | None = None


class EventPage(msgspec.Struct, frozen=True, kw_only=True):
    """Events in order; `next` is where to go on with `after`, also where there are none."""

    events: list[Event]
    next: int


class HistoryEntry(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Something that happened to a task: an `event`, or a report that was `refused` or is still `parked` (`kind`)."""

    kind: str
    recorded_at: datetime
    occurred_at: datetime | None = None
    type: str | None = None
    status: str | None = None
    version: int | None = None
    attempt: int | None = None
    sequence: int | None = None
    reason: str | None = None
    detail: str | None = None
    data: Mapping[str, Any] = {}
    actor: str | None = None
    correlation_id: str | None = None
    source: EventSource | None = None
    trace_id: str | None = None


class HistoryPage(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A page of a task's history; `next_cursor` leads on and is None after the last entry."""

    items: list[HistoryEntry]
    next_cursor: str | None = None


class Health(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """How the service is; what `checks` and `details` hold depends on what was asked for."""

    status: str
    timestamp: datetime
    service: str
    version: str
    uptime_seconds: float
    checks: Mapping[str, Any] = {}
    circuits: Mapping[str, str] = {}
    details: Mapping[str, Any] = {}
    draining: bool = False

    @property
    def is_healthy(self) -> bool:
        """Whether it can do what was asked about."""
        return self.status == "healthy"
