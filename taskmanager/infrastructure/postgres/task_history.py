"""The history of single tasks from PostgreSQL."""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import groupby

import msgspec

from taskmanager.application.feed.model import DELETION, STATUS_AFTER, EventSource
from taskmanager.application.task_history import TrailEntry, TrailPosition, TrailRun
from taskmanager.domain.events import TaskEvent, TaskFailed
from taskmanager.domain.values import TaskId, UserEmail
from taskmanager.infrastructure.postgres.event_rows import event_of
from taskmanager.infrastructure.postgres.planning import by_index
from taskmanager.infrastructure.postgres.pool import Reads
from taskmanager.infrastructure.postgres.session import Row
from taskmanager.infrastructure.postgres.statements import load_statements

_PAGE_BYTES = 2 << 20
_KIND = 2  # where the columns of the entry begin
_TRACE_ID = slice(3, 35)  # of a traceparent: version, trace id, parent id, flags
_NO_DATA = msgspec.Raw(b"{}")


class PostgresTaskHistories:
    """Implements `TaskHistories` by statements that stand alone; raises what the pool raises.

    The entries of a kind end with the one whose data bring them above `page_bytes`, by a rough count.
    """

    def __init__(self, pool: Reads, *, page_bytes: int = _PAGE_BYTES) -> None:
        self._pool = pool
        self._page_bytes = page_bytes
        statements = load_statements("task_history")
        self._trail, self._events_until = by_index(statements["trail"]), by_index(statements["events_until"])

    async def runs(
        self, task_id: TaskId, owner: UserEmail | None, after: TrailPosition, *, limit: int, sees_deleted: bool
    ) -> Sequence[TrailRun] | None:
        """See `TaskHistories.runs`."""
        parameters = {
            "task_id": task_id,
            "owner": owner,
            "sees_deleted": sees_deleted,
            # One more than is answered tells whether that is all.
            "limit": limit + 1,
            "page_bytes": self._page_bytes,
            **{f"after_{kind}": place for kind, place in after._asdict().items()},
        }
        rows = await self._pool.fetch(self._trail, parameters)
        if not rows:
            return None
        kinds = groupby((row for row in rows if row[_KIND] is not None), key=lambda row: row[_KIND])
        return [_run(list(group), limit) for _, group in kinds]

    async def events(
        self, task_id: TaskId, owner: UserEmail | None, *, version: int | None, moment: datetime | None, limit: int
    ) -> Sequence[TaskEvent]:
        """See `TaskHistories.events`."""
        parameters = {
            "task_id": task_id,
            "owner": owner,
            "version": version,
            "moment": moment,
            "limit": limit,
            "failure": TaskFailed.__name__,
        }
        return [event_of(row) for row in await self._pool.fetch(self._events_until, parameters)]


def _run(rows: Sequence[Row], limit: int) -> TrailRun:
    found, kind = rows[0][1:3]
    kept = rows[:limit]
    return TrailRun(kind, [_entry(row) for row in kept], len(kept) < found)


def _entry(row: Row) -> tuple[int, TrailEntry]:
    (task_status, _, kind, place, seq, type_, version, attempt, reason, detail, occurred_at, recorded_at, data, actor,
     topic, partition, offset, correlation_id, traceparent) = row  # fmt: skip
    return place, TrailEntry(
        kind=kind,
        recorded_at=recorded_at.astimezone(UTC),
        occurred_at=None if occurred_at is None else occurred_at.astimezone(UTC),
        type=type_,
        # A deletion is a task's last event and leaves the status as it is.
        status=task_status if type_ == DELETION else STATUS_AFTER.get(type_),
        version=version,
        attempt=attempt,
        sequence=seq,
        reason=reason,
        detail=detail,
        data=_NO_DATA if data is None else msgspec.Raw(data.encode()),
        actor=actor,
        correlation_id=correlation_id,
        source=None if topic is None else EventSource(topic, partition, offset),
        trace_id=None if traceparent is None else traceparent[_TRACE_ID],
    )
