"""What messages ask for, after validation, and the messages themselves."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal, NamedTuple

import msgspec

from taskmanager.application.dead_letters import DeadLetterReason
from taskmanager.domain.status import TaskStatus
from taskmanager.domain.values import TaskId, TaskQuery, TaskUrl, UserEmail


class Partition(NamedTuple):
    """A partition of a topic."""

    topic: str
    partition: int


class Source(NamedTuple):
    """Where in Kafka something came from."""

    topic: str
    partition: int
    offset: int


class InboundMessage(NamedTuple):
    """A message as it lies in Kafka; `timestamp_ms` is Kafka's own, or None where it has none."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int | None
    key: bytes | None
    headers: list[tuple[str, bytes | None]] | None
    value: bytes | None


# Stands for headers of which one has a name that is not UTF-8, which the driver cannot hand over; told by identity.
UNREADABLE_HEADERS: list[tuple[str, bytes | None]] = [("\ufffd", None)]


class CreateTask(msgspec.Struct, frozen=True, gc=False):
    """A request that shall become a task."""

    id: TaskId
    user_email: UserEmail
    user_query: TaskQuery
    original_url: TaskUrl
    metadata: Mapping[str, str]
    at: datetime
    source: Source | InboundMessage | None
    actor: str | None = None
    correlation_id: str | None = None
    traceparent: str | None = None
    tracestate: str | None = None


class ReportStatus(msgspec.Struct, frozen=True, gc=False):
    """What a worker (or whoever cancels) says of a task; `status` is never NEW."""

    id: TaskId
    status: TaskStatus
    at: datetime
    source: Source | InboundMessage | None
    attempt: int | None = None
    worker: str | None = None
    progress: float | None = None
    result: str | None = None
    error: str | None = None
    retryable: bool | None = None
    actor: str | None = None
    correlation_id: str | None = None
    traceparent: str | None = None
    tracestate: str | None = None


class _Intervention(msgspec.Struct, frozen=True, gc=False):
    """What becomes of a task because of `actor`, and not of a message."""

    id: TaskId
    at: datetime
    actor: str
    source: None = None
    correlation_id: str | None = None
    traceparent: str | None = None
    tracestate: str | None = None


class TimeOut(_Intervention, frozen=True, gc=False):
    """Nobody has heard of a task's worker for too long."""


class RetryTask(_Intervention, frozen=True, gc=False):
    """Somebody wants another attempt of a failed or cancelled task."""


class DeleteTask(_Intervention, frozen=True, gc=False):
    """Somebody wants a settled task to be seen no more."""


# What an event after a task's first may be caused by.
Cause = ReportStatus | TimeOut | RetryTask | DeleteTask


class Reject(msgspec.Struct, frozen=True, gc=False):
    """A message that no command can be made of: it becomes a dead letter."""

    reason: DeadLetterReason
    detail: str
    task_id: TaskId | None = None


class Skip(msgspec.Struct, frozen=True, gc=False):
    """A message that is none of our business."""

    reason: Literal["own_event"]


Command = CreateTask | ReportStatus | Reject | Skip
