"""Entities and commands as JSON rows of the write path, and back."""

import base64
from datetime import UTC, datetime
from typing import Any

import orjson

from taskmanager.application.commands import Cause, CreateTask, InboundMessage, Reject, ReportStatus, Source
from taskmanager.application.dead_letter_model import LetterAction
from taskmanager.application.ports import ParkedReport
from taskmanager.domain.errors import Refused
from taskmanager.domain.status import TaskStatus
from taskmanager.domain.task import WebCrawlTask
from taskmanager.domain.values import TaskId

Json = dict[str, Any]


def changed_row(task: WebCrawlTask) -> Json:
    """The changeable part of a task; what is missing becomes null, and costs neither side anything."""
    row: Json = {
        "id": task.id,
        "status": task.status,
        "version": task.version,
        "attempt": task.attempt,
        "updated_at": task.updated_at,
    }
    for name in _CLEARABLE:
        value = getattr(task, name)
        if value is not None:
            row[name] = value
    if task.outcome is not None and task.result is None and task.error is None:
        row["keeps_outcome"] = True
    return row


_CLEARABLE = (
    "attempt_started_at",
    "not_before",
    "started_at",
    "finished_at",
    "last_heartbeat_at",
    "worker",
    "progress",
    "result",
    "error",
    "retryable",
    "deleted_at",
)


def dead_row(message: InboundMessage, reject: Reject) -> Json:
    """A dead letter with the message as it was, byte for byte."""
    return {
        "topic": message.topic,
        "partition": message.partition,
        "offset": message.offset,
        "reason": reject.reason.value,
        "detail": _storable(reject.detail),
        "task_id": reject.task_id,
    } | _raw(message)


def action_row(action: LetterAction) -> Json:
    """What an operator did with a dead letter, with the message as it was edited."""
    row: Json = {
        "letter_id": action.letter_id,
        "action": action.kind.value,
        "actor": _storable(action.actor),
        "outcome": action.outcome,
        "detail": None if action.detail is None else _storable(action.detail),
        "task_id": action.task_id,
    }
    return row if action.edited is None else row | _raw(action.edited)


def report_json(report: CreateTask | ReportStatus) -> Json:
    """A command as it is kept with parked and refused reports: what is None is left out."""
    return {
        name: value
        for name in report.__struct_fields__
        if name != "source" and (value := getattr(report, name)) is not None
    }


def parked_row(report: ReportStatus) -> Json:
    """A report that waits for its task, with the message as it was: it may yet become a dead letter."""
    row: Json = {"task_id": report.id, "report": report_json(report)} | position(report)
    return row | _raw(report.source) if isinstance(report.source, InboundMessage) else row


def refused_row(command: CreateTask | ReportStatus, refusal: Refused) -> Json:
    """A command that the state machine refused."""
    return {
        "task_id": command.id,
        "reason": refusal.reason.value,
        "detail": refusal.detail,
        "report": report_json(command),
        "actor": command.actor,
        "occurred_at": command.at,
        "traceparent": command.traceparent,
    } | position(command)


def parked_report(row: Json) -> ParkedReport:
    """A parked report as the database holds it."""
    kept = row["report"]
    source = Source(row["source_topic"], row["source_partition"], row["source_offset"])
    kept["id"] = TaskId(kept["id"])
    kept["status"] = TaskStatus(kept["status"])
    kept["at"] = datetime.fromisoformat(kept["at"])
    return ParkedReport(row["id"], ReportStatus(source=source, **kept))


def loaded_task(row: Json) -> WebCrawlTask:
    """A task as `load` answers it; without the texts of its result and error."""
    task = WebCrawlTask.__new__(WebCrawlTask)
    task.id = row["id"]
    task.user_email = row["user_email"]
    task.user_query = row["user_query"]
    task.original_url = row["original_url"]
    task.metadata = row["metadata"] or {}
    task.correlation_id = row["correlation_id"]
    task.status = TaskStatus(row["status"])
    task.version = row["version"]
    task.attempt = row["attempt"]
    task.received_at = datetime.fromisoformat(row["received_at"])
    task.created_at = datetime.fromisoformat(row["created_at"])
    task.updated_at = datetime.fromisoformat(row["updated_at"])
    task.attempt_started_at = _time(row["attempt_started_at"])
    task.not_before = _time(row["not_before"])
    task.started_at = _time(row["started_at"])
    task.finished_at = _time(row["finished_at"])
    task.last_heartbeat_at = _time(row["last_heartbeat_at"])
    task.deleted_at = _time(row["deleted_at"])
    task.worker = row["worker"]
    task.progress = row["progress"]
    task.retryable = row["retryable"]
    task.outcome = row["outcome"]
    task.result = task.error = None
    return task


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def dumps(rows: object) -> str:
    """JSON text for a statement's parameter."""
    return orjson.dumps(rows).decode()


def position(command: CreateTask | Cause) -> Json:
    """Where in Kafka it came from; nothing for what did not."""
    source = command.source
    if source is None:
        return {}
    return {"topic": source.topic, "partition": source.partition, "offset": source.offset}


def _raw(message: InboundMessage) -> Json:
    return {
        "key": _base64(message.key),
        "value": _base64(message.value),
        "headers": [[_storable(name), _base64(value)] for name, value in message.headers or ()],
        "message_timestamp": _timestamp(message.timestamp_ms),
    }


def _storable(text: str) -> str:
    """PostgreSQL takes neither NUL nor lone surrogates."""
    return text.replace("\0", "\\0").encode("utf-8", "backslashreplace").decode()


def _base64(value: bytes | None) -> str | None:
    return None if value is None else base64.b64encode(value).decode()


def _timestamp(milliseconds: int | None) -> datetime | None:
    try:
        return None if milliseconds is None else datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (OverflowError, OSError, ValueError):
        return None
