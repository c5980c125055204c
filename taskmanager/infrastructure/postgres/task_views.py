"""Rows of tasks in the form that readers see."""

from datetime import UTC, datetime
from typing import Any

import orjson

from taskmanager.application.read_model import TaskView
from taskmanager.application.task_lists import ListedTask
from taskmanager.infrastructure.postgres.session import Row


def task_view(row: Row) -> TaskView:
    """The task of a row as `find` answers it."""
    return TaskView(**_members(row))


def listed_task(row: Row, *, has_result: bool) -> ListedTask:
    """The same for a list."""
    return ListedTask(**_members(row), result_omitted=has_result)


def _members(row: Row) -> dict[str, Any]:
    (id_, status, version, attempt, email, query, url, metadata, correlation_id, received, created, updated,
     not_before, started, finished, heartbeat, worker, progress, result, error, retryable,
     attempt_started) = row  # fmt: skip
    return {
        "id": id_,
        "status": status,
        "version": version,
        "attempt": attempt,
        "user_email": email,
        "user_query": query,
        "original_url": url,
        "metadata": orjson.loads(metadata) if metadata else {},
        "correlation_id": correlation_id,
        "received_at": received.astimezone(UTC),
        "created_at": created.astimezone(UTC),
        "updated_at": updated.astimezone(UTC),
        "not_before": _utc(not_before),
        "started_at": _utc(started),
        "finished_at": _utc(finished),
        "last_heartbeat_at": _utc(heartbeat),
        "duration_seconds": (
            max((finished - (started or attempt_started or received)).total_seconds(), 0.0) if finished else None
        ),
        "worker": worker,
        "progress": progress,
        "result": result,
        "error": error,
        "retryable": retryable,
    }


def _utc(moment: datetime | None) -> datetime | None:
    return moment.astimezone(UTC) if moment is not None else None
