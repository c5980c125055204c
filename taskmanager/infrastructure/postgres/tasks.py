"""Looks tasks up in PostgreSQL."""

from datetime import UTC, datetime

import orjson

from taskmanager.application.read_model import TaskView
from taskmanager.domain.values import TaskId
from taskmanager.infrastructure.postgres.pool import Reads
from taskmanager.infrastructure.postgres.session import Row
from taskmanager.infrastructure.postgres.statements import load_statements


class PostgresTaskReader:
    """Reads single tasks; raises what the pool raises."""

    def __init__(self, pool: Reads) -> None:
        self._pool = pool
        self._find = load_statements("tasks")["find"]

    async def find(self, task_id: TaskId) -> TaskView | None:
        """The task, None if there is none or it was deleted."""
        rows = await self._pool.fetch(self._find, {"id": str(task_id)})
        return _view(rows[0]) if rows else None


def _view(row: Row) -> TaskView:
    (id_, status, version, attempt, email, query, url, metadata, correlation_id, received, created, updated,
     not_before, started, finished, heartbeat, worker, progress, result, error, retryable,
     attempt_started) = row  # fmt: skip
    return TaskView(
        id=id_,
        status=status,
        version=version,
        attempt=attempt,
        user_email=email,
        user_query=query,
        original_url=url,
        metadata=orjson.loads(metadata) if metadata else {},
        correlation_id=correlation_id,
        received_at=received.astimezone(UTC),
        created_at=created.astimezone(UTC),
        updated_at=updated.astimezone(UTC),
        not_before=_utc(not_before),
        started_at=_utc(started),
        finished_at=_utc(finished),
        last_heartbeat_at=_utc(heartbeat),
        duration_seconds=(
            max((finished - (started or attempt_started or received)).total_seconds(), 0.0) if finished else None
        ),
        worker=worker,
        progress=progress,
        result=result,
        error=error,
        retryable=retryable,
    )


def _utc(moment: datetime | None) -> datetime | None:
    return moment.astimezone(UTC) if moment is not None else None
