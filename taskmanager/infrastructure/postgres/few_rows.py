"""New tasks and events as JSON: for the statements that write a few of them where COPY writes many."""

from taskmanager.application.changes import Changes
from taskmanager.application.commands import Cause, CreateTask
from taskmanager.domain.events import TaskCreated
from taskmanager.infrastructure.postgres.copying import created_data, event_data, in_order
from taskmanager.infrastructure.postgres.rows import Json, position

# From some hundred rows on COPY's cheaper rows outweigh the two round trips that it takes.
FEW = 250


def are_few(changes: Changes) -> bool:
    """Whether the statements below are the better way to write them."""
    return len(changes.created) + len(changes.recorded) <= FEW


def new_task_rows(changes: Changes) -> list[Json]:
    """The rows of `insert_new_tasks`, sorted by id."""
    return [_new_task_row(*changes.created[task_id]) for task_id in sorted(changes.created)]


def event_rows(changes: Changes) -> list[Json]:
    """The rows of `insert_events`, in (task, version) order."""
    return [
        {
            "task_id": event.task_id,
            "version": event.version,
            "type": type(event).__name__,
            "attempt": event.attempt,
            "occurred_at": event.occurred_at,
            "recorded_at": event.recorded_at,
            "data": event_data(event) or None,
            "correlation_id": cause.correlation_id or changes.changed[event.task_id].correlation_id or None,
        }
        | _origin(cause)
        for event, cause in in_order(changes)
    ]


def _new_task_row(created: TaskCreated, command: CreateTask) -> Json:
    return {
        "id": created.task_id,
        "user_email": created.user_email,
        "user_query": created.user_query,
        "original_url": created.original_url,
        "metadata": created.metadata or None,
        "occurred_at": created.occurred_at,
        "data": created_data(created),
        "correlation_id": command.correlation_id or None,
    } | _origin(command)


def _origin(cause: CreateTask | Cause) -> Json:
    trace = {"traceparent": cause.traceparent or None, "tracestate": cause.tracestate or None}
    return {"actor": cause.actor or None} | trace | position(cause)
