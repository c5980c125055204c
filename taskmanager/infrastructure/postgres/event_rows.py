"""Recorded events as the domain knows them."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, cast

import orjson

from taskmanager.application.event_log import UnreadableEvent
from taskmanager.domain.events import (
    TaskCancelled,
    TaskCompleted,
    TaskCreated,
    TaskDeleted,
    TaskEvent,
    TaskFailed,
    TaskRetried,
    TaskStarted,
)
from taskmanager.domain.values import TaskId
from taskmanager.infrastructure.postgres.session import Row

Json = dict[str, Any]


def event_of(row: Row) -> TaskEvent:
    """The event of a row of `recorded_events`, whose texts were checked when it was made; raises `UnreadableEvent`."""
    task_id, version, kind, attempt, occurred_at, recorded_at, data, correlation_id = row
    make = _MAKERS.get(kind)
    if make is None:
        raise UnreadableEvent(f"version {version} is of the unknown type {kind!r}")
    try:
        content: Json = orjson.loads(data) if data is not None else {}
        return make(
            {
                "task_id": cast(TaskId, task_id),
                "version": version,
                "attempt": attempt,
                "occurred_at": occurred_at,
                "recorded_at": recorded_at,
            },
            content,
            correlation_id,
        )
    except KeyError as error:
        raise UnreadableEvent(f"version {version} ({kind}) lacks {error}") from None
    except (AttributeError, TypeError, ValueError) as error:
        raise UnreadableEvent(f"version {version} ({kind}): {error}") from None


def _created(envelope: Json, data: Json, correlation_id: str | None) -> TaskEvent:
    return TaskCreated(
        **envelope,
        user_email=data["userEmail"],
        user_query=data["userQuery"],
        original_url=data["originalUrl"],
        metadata=data.get("metadata") or {},
        correlation_id=correlation_id,
    )


def _started(envelope: Json, data: Json, _: str | None) -> TaskEvent:
    return TaskStarted(**envelope, worker=data.get("worker"), progress=data.get("progress"))


def _completed(envelope: Json, data: Json, _: str | None) -> TaskEvent:
    return TaskCompleted(**envelope, result=data["result"])


def _failed(envelope: Json, data: Json, _: str | None) -> TaskEvent:
    return TaskFailed(**envelope, error=data["error"], retryable=data.get("retryable"))


def _cancelled(envelope: Json, _data: Json, _: str | None) -> TaskEvent:
    return TaskCancelled(**envelope)


def _retried(envelope: Json, data: Json, _: str | None) -> TaskEvent:
    text = data.get("notBefore")
    not_before = datetime.fromisoformat(text) if text is not None else None
    return TaskRetried(**envelope, not_before=not_before, reason=data.get("reason"))


def _deleted(envelope: Json, _data: Json, _: str | None) -> TaskEvent:
    return TaskDeleted(**envelope)


_MAKERS: Mapping[str, Callable[[Json, Json, str | None], TaskEvent]] = {
    "TaskCreated": _created,
    "TaskStarted": _started,
    "TaskCompleted": _completed,
    "TaskFailed": _failed,
    "TaskCancelled": _cancelled,
    "TaskRetried": _retried,
    "TaskDeleted": _deleted,
}
