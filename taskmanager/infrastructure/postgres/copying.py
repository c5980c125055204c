"""New tasks and events in COPY's text format, which is what most of the writing is.

https://www.postgresql.org/docs/current/sql-copy.html#SQL-COPY-FILE-FORMATS: columns end with a tab, rows with a
newline; backslash, tab, newline and carriage return inside a value are written with a backslash. An empty column is
null (so the statements say): no text that is written here is ever empty.
"""

import re
from typing import Any

import orjson

from taskmanager.application.changes import Changes
from taskmanager.application.commands import Cause, CreateTask
from taskmanager.domain.events import TaskCompleted, TaskCreated, TaskEvent, TaskFailed, TaskRetried, TaskStarted

_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
_SPECIAL = re.compile(r"[\\\t\n\r]").search


def copy_rows(changes: Changes) -> tuple[bytes, bytes]:
    """The rows of `copy_tasks` and of `copy_events`, the latter in (task, version) order within a task."""
    now = changes.now.isoformat()
    made: dict[str, tuple[str, str]] = {}
    # In the order in which they were made, and sorted afterwards: memory is read forwards then, which is much faster.
    for task_id, (created, command) in changes.created.items():
        at = created.occurred_at.isoformat()
        tail = f"new\t1\t1\t{at}\t{now}\t{now}\n"
        envelope = f"{task_id}\t1\tTaskCreated\t1\t{at}\t{now}"
        values: tuple[str, ...] = (created.user_email, created.user_query, created.original_url)
        metadata = _dumps(created.metadata) if created.metadata else ""
        correlation = command.correlation_id or ""
        data = _dumps(created_data(created))
        # Whatever COPY would misread in these values, JSON has written with a backslash.
        if "\\" in data:
            data = data.translate(_ESCAPES)
            values = tuple(value.translate(_ESCAPES) for value in values)
            metadata = metadata.translate(_ESCAPES)
        made[task_id] = (
            "\t".join((task_id, *values, metadata, _escaped(correlation), tail)),
            "\t".join((envelope, data, *_cause(command, correlation))),
        )
    order = sorted(made)
    tasks = [made[task_id][0] for task_id in order]
    events = [made[task_id][1] for task_id in order]
    del made
    for event, report in in_order(changes):
        envelope = (
            f"{event.task_id}\t{event.version}\t{type(event).__name__}\t{event.attempt}"
            f"\t{event.occurred_at.isoformat()}\t{event.recorded_at.isoformat()}"
        )
        content = event_data(event)
        data = _dumps(content) if content else ""
        if "\\" in data:
            data = data.translate(_ESCAPES)
        correlation = report.correlation_id or changes.changed[event.task_id].correlation_id or ""
        events.append("\t".join((envelope, data, *_cause(report, correlation))))
    return _joined(tasks), _joined(events)


def in_order(changes: Changes) -> list[tuple[TaskEvent, Cause]]:
    """The events that are no creations with what caused them, in (task, version) order."""
    return sorted(changes.recorded, key=_task_and_version)


def _joined(rows: list[str]) -> bytes:
    text = "".join(rows)
    rows.clear()  # a batch may be large: do not hold it three times
    return text.encode()


def _cause(cause: CreateTask | Cause, correlation: str) -> tuple[str, str]:
    """Where the event came from, up to the end of the row."""
    source = cause.source
    position = f"{source.topic}\t{source.partition}\t{source.offset}" if source is not None else "\t\t"
    # A trace parent holds hexadecimal digits and dashes alone.
    actor, trace, state = _escaped(cause.actor or ""), cause.traceparent or "", _escaped(cause.tracestate or "")
    return position, f"{actor}\t{_escaped(correlation)}\t{trace}\t{state}\n"


def _escaped(text: str) -> str:
    return text.translate(_ESCAPES) if _SPECIAL(text) else text


def created_data(created: TaskCreated) -> dict[str, Any]:
    """What the event says, as the log holds it."""
    data: dict[str, Any] = {
        "userEmail": created.user_email,
        "userQuery": created.user_query,
        "originalUrl": created.original_url,
    }
    if created.metadata:
        data["metadata"] = created.metadata
    return data


def event_data(event: TaskEvent) -> dict[str, Any]:
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


def _task_and_version(made: tuple[TaskEvent, Cause]) -> tuple[str, int]:
    return made[0].task_id, made[0].version
