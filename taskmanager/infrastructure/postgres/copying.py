"""New tasks and events in COPY's text format, which is what most of the writing is.

https://www.postgresql.org/docs/current/sql-copy.html#SQL-COPY-FILE-FORMATS: columns end with a tab, rows with a
newline; backslash, tab, newline and carriage return inside a value are written with a backslash. An empty column is
null (so the statements say): no text that is written here is ever empty.
"""

from typing import Any

import orjson

from taskmanager.application.changes import Changes
from taskmanager.application.commands import CreateTask, ReportStatus
from taskmanager.domain.events import TaskCompleted, TaskCreated, TaskEvent, TaskFailed, TaskRetried, TaskStarted

_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
_TASK_TABS = 11
_EVENT_TABS = 13


def copy_rows(changes: Changes) -> tuple[bytes, bytes]:
    """The rows of `copy_tasks` and of `copy_events`, the latter in (task, version) order within a task."""
    now = changes.now.isoformat()
    tasks: list[str] = []
    events: list[str] = []
    for task_id in sorted(changes.created):
        created, command = changes.created[task_id]
        at = created.occurred_at.isoformat()
        data = _created_data(created)
        tasks.append(_task(created, _dumps(created.metadata) if created.metadata else "", at, now))
        envelope = f"{task_id}\t1\tTaskCreated\t1\t{at}\t{now}"
        events.append(_event(envelope, _dumps(data), command, command.correlation_id))
    for event, report in sorted(changes.recorded, key=_task_and_version):
        envelope = (
            f"{event.task_id}\t{event.version}\t{type(event).__name__}\t{event.attempt}"
            f"\t{event.occurred_at.isoformat()}\t{event.recorded_at.isoformat()}"
        )
        data = _data(event)
        correlation = report.correlation_id or changes.changed[event.task_id].correlation_id
        events.append(_event(envelope, _dumps(data) if data else "", report, correlation))
    return "".join(tasks).encode(), "".join(events).encode()


def _task(created: TaskCreated, metadata: str, at: str, now: str) -> str:
    values = (created.user_email, created.user_query, created.original_url, metadata, created.correlation_id or "")
    email, query, url, metadata, correlation = values
    tail = f"new\t1\t1\t{at}\t{now}\t{now}"
    row = f"{created.task_id}\t{email}\t{query}\t{url}\t{metadata}\t{correlation}\t{tail}\n"
    if "\\" in row or "\r" in row or row.count("\n") != 1 or row.count("\t") != _TASK_TABS:
        row = "\t".join((created.task_id, *(value.translate(_ESCAPES) for value in values), tail)) + "\n"
    return row


def _event(envelope: str, data: str, cause: CreateTask | ReportStatus, correlation_id: str | None) -> str:
    source = cause.source
    position = f"{source.topic}\t{source.partition}\t{source.offset}" if source is not None else "\t\t"
    actor = cause.actor or ""
    correlation = correlation_id or ""
    trace = cause.traceparent or ""
    state = cause.tracestate or ""
    row = f"{envelope}\t{data}\t{position}\t{actor}\t{correlation}\t{trace}\t{state}\n"
    # Most texts hold nothing to escape, and one look at the whole row tells.
    if "\\" in row or "\r" in row or row.count("\n") != 1 or row.count("\t") != _EVENT_TABS:
        texts = (data, position, actor, correlation, trace, state)
        escaped = [text if text is position else text.translate(_ESCAPES) for text in texts]
        row = "\t".join((envelope, *escaped)) + "\n"
    return row


def _created_data(created: TaskCreated) -> dict[str, Any]:
    data: dict[str, Any] = {
        "userEmail": created.user_email,
        "userQuery": created.user_query,
        "originalUrl": created.original_url,
    }
    if created.metadata:
        data["metadata"] = created.metadata
    return data


def _data(event: TaskEvent) -> dict[str, Any]:
    """What an event says beyond its envelope, by the names of the contract."""
    match event:
        case TaskStarted():
            data: dict[str, Any] = {"worker": event.worker, "progress": event.progress}
        case TaskCompleted():
            data = {"result": event.result}
        case TaskFailed():
            data = {"error": event.error, "retryable": event.retryable}
        case TaskRetried():
            data = {"notBefore": event.not_before, "reason": event.reason}
        case _:
            data = {}
    return {name: value for name, value in data.items() if value is not None}


def _dumps(data: object) -> str:
    return orjson.dumps(data).decode()


def _task_and_version(made: tuple[TaskEvent, ReportStatus]) -> tuple[str, int]:
    return made[0].task_id, made[0].version
