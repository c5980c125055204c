"""Makes commands of request bodies, by the rules that hold for messages from Kafka, too."""

from datetime import datetime
from typing import NamedTuple

import msgspec

from taskmanager.api.rest.moments import in_utc
from taskmanager.api.rest.problems import Problem
from taskmanager.api.rest.task_bodies import NewTask, StatusReport
from taskmanager.api.rest.write_headers import Cause
from taskmanager.application.commands import CreateTask, ReportStatus
from taskmanager.application.principal import Principal
from taskmanager.application.use_cases.writing.uuid7 import new_task_id
from taskmanager.domain.errors import InvalidValue
from taskmanager.domain.status import STATUS_NAMES, TaskStatus
from taskmanager.domain.values import TaskId, TaskQuery, TaskUrl, UserEmail, task_metadata

_decode_text = msgspec.json.Decoder(str).decode
# Which members tell something of which status.
_FITTING = {
    "result": (TaskStatus.COMPLETED,),
    "error": (TaskStatus.ERROR,),
    "retryable": (TaskStatus.ERROR,),
    "progress": (TaskStatus.IN_PROGRESS,),
    "worker": (TaskStatus.IN_PROGRESS, TaskStatus.COMPLETED, TaskStatus.ERROR),
}


class Rules(NamedTuple):
    """What settings say of contents."""

    allow_private_urls: bool
    result_max_bytes: int


def create_command(body: NewTask, principal: Principal, cause: Cause, rules: Rules, now: datetime) -> CreateTask:
    """The command for a new task, with an id made here.

    Raises `InvalidValue`, or a `Problem` (403) where a caller who is bound to one user asks for another's task.
    """
    return CreateTask(
        new_task_id(),
        _owner(body.user_email, principal),
        TaskQuery(body.user_query),
        TaskUrl(body.original_url, allow_private=rules.allow_private_urls),
        task_metadata(body.metadata) if body.metadata else {},
        now,
        None,
        cause.actor,
        cause.correlation_id,
        cause.traceparent,
        cause.tracestate,
    )


def report_command(task_id: TaskId, body: StatusReport, cause: Cause, rules: Rules, now: datetime) -> ReportStatus:
    """The command for what is said of a task; raises `InvalidValue`."""
    status = STATUS_NAMES[body.status]
    for name, statuses in _FITTING.items():
        if getattr(body, name) not in (None, msgspec.UNSET) and status not in statuses:
            raise InvalidValue(name, f"does not belong to the status {status.value}")
    return ReportStatus(
        id=task_id,
        status=status,
        at=in_utc("occurredAt", body.occurred_at) if body.occurred_at is not None else now,
        source=None,
        attempt=None if body.attempt is None else int(body.attempt),
        worker=body.worker,
        progress=body.progress,
        result=_bounded("result", _result(body), rules) if status is TaskStatus.COMPLETED else None,
        error=_bounded("error", body.error, rules) if status is TaskStatus.ERROR else None,
        retryable=body.retryable,
        actor=cause.actor,
        correlation_id=cause.correlation_id,
        traceparent=cause.traceparent,
        tracestate=cause.tracestate,
    )


def _owner(given: str | None, principal: Principal) -> UserEmail:
    own = principal.user_email
    if given is None:
        if own is None:
            raise InvalidValue("userEmail", "is missing")
        return own
    email = UserEmail(given)
    if own is not None and email != own:
        raise Problem(403, "you may ask for tasks of your own address alone; leave userEmail out")
    return email


def _result(body: StatusReport) -> str | None:
    if isinstance(body.result, msgspec.UnsetType):
        return None
    raw = bytes(body.result)
    return _decode_text(raw) if raw.startswith(b'"') else raw.decode().strip()


def _bounded(name: str, text: str | None, rules: Rules) -> str:
    if text is None:
        raise InvalidValue(name, "is missing")
    longest = rules.result_max_bytes
    if len(text) > longest or len(text.encode()) > longest:
        raise InvalidValue(name, f"must have at most {longest} bytes")
    return text
