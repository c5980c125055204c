"""What happened to one task, as readers see it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal, NamedTuple, Protocol

import msgspec

from taskmanager.application.feed.model import EventSource
from taskmanager.domain.events import TaskEvent
from taskmanager.domain.values import TaskId, UserEmail

EntryKind = Literal["event", "refused", "parked"]


class TrailEntry(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Something that happened to a task; times in UTC.

    An `event` changed it: `type`, `version`, `attempt` and `sequence` are those of the event log, `status` the task's
    afterwards. A `refused` report or request changed nothing, for the `reason`. A `parked` one still waits to be looked
    at. `data` is what the event, report or request says beside all this.
    """

    kind: EntryKind
    recorded_at: datetime
    occurred_at: datetime | None
    type: str | None
    status: str | None
    version: int | None
    attempt: int | None
    sequence: int | None
    reason: str | None
    detail: str | None
    data: Annotated[msgspec.Raw, msgspec.Meta(extra_json_schema={"type": "object"})]
    actor: str | None
    correlation_id: str | None
    source: EventSource | None
    trace_id: str | None


class TrailPosition(NamedTuple):
    """How far a trail was read: the last version, and the last number of a refused and of a parked report."""

    event: int = 0
    refused: int = 0
    parked: int = 0


class TrailRun(NamedTuple):
    """The next entries of one kind in order, each with its place; `is_cut` says that there are more."""

    kind: EntryKind
    entries: Sequence[tuple[int, TrailEntry]]
    is_cut: bool


class TaskHistories(Protocol):
    """Where the history of single tasks is read. Every method may raise a `StoreError`."""

    async def runs(
        self, task_id: TaskId, owner: UserEmail | None, after: TrailPosition, *, limit: int, sees_deleted: bool
    ) -> Sequence[TrailRun] | None:
        """What is behind a position of each kind, `limit` at most and fewer where they are large.

        None if there is no such task, it is not the `owner`'s, or it was deleted and such are not to be seen.
        """

    async def events(
        self, task_id: TaskId, owner: UserEmail | None, *, version: int | None, moment: datetime | None, limit: int
    ) -> Sequence[TaskEvent]:
        """The first events of a task up to a version and a moment, texts of failed attempts that are over left out.

        None of a task that was deleted or is not the `owner`'s. Raises `UnreadableEvent` for one of an unknown form.
        """
