"""An event as clients see it, and which events a client wants."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, NamedTuple, Protocol

import msgspec

from taskmanager.application.event_log import LoggedEvent
from taskmanager.domain.events import EVENT_STATUS, TaskDeleted
from taskmanager.domain.values import TaskId, UserEmail

STATUS_AFTER: Mapping[str, str] = {kind.__name__: status.value for kind, status in EVENT_STATUS.items()}
"""The status that a type of event leaves a task in; a deletion, which is not here, leaves it as it was."""
DELETION = TaskDeleted.__name__
_NO_DATA = msgspec.Raw(b"{}")
_TRACE_ID = slice(3, 35)  # of a traceparent: version, trace id, parent id, flags


class EventSource(msgspec.Struct, frozen=True):
    """The Kafka message that caused an event."""

    topic: str
    partition: int
    offset: int


class FeedEvent(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """An event of the log; times in UTC.

    `status` is that of the task after the event, null for the deletion of a task that is gone. `eventId` is the one
    that the message about it on Kafka carries.
    """

    sequence: int
    event_id: str
    task_id: str
    type: str
    status: str | None
    version: int
    attempt: int
    occurred_at: datetime
    recorded_at: datetime
    data: Annotated[
        msgspec.Raw,
        msgspec.Meta(description="What the event says beside all this.", extra_json_schema={"type": "object"}),
    ]
    actor: str | None
    correlation_id: str | None
    source: EventSource | None
    trace_id: str | None


class TaskFacts(NamedTuple):
    """What the events of a task do not say of it."""

    user_email: str
    status: str


class EventFilter(NamedTuple):
    """Which events are wanted; None and the empty set want all.

    `owner` is the user whose events alone a bound caller may see, `user_email` the one that it asks for.
    """

    owner: UserEmail | None = None
    user_email: UserEmail | None = None
    task_id: TaskId | None = None
    statuses: frozenset[str] = frozenset()
    types: frozenset[str] = frozenset()

    def takes(self, event: LoggedEvent, user_email: str | None, status: str | None) -> bool:
        """Whether it wants an event of this user's task with this status after it."""
        return (
            (self.owner is None or self.owner == user_email)
            and (self.user_email is None or self.user_email == user_email)
            and (self.task_id is None or self.task_id == event.task_id)
            and (not self.statuses or status in self.statuses)
            and (not self.types or event.type in self.types)
        )


class FeedPage(NamedTuple):
    """Some events in order; every wanted one behind the position asked for and up to `next` is among them."""

    events: Sequence[FeedEvent]
    next: int


class EventEncoder(Protocol):
    """Makes what listeners get of an event."""

    def __call__(self, event: FeedEvent) -> bytes: ...


def status_after(event: LoggedEvent, facts: TaskFacts | None) -> str | None:
    """The status of the task after the event: a deletion is a task's last event and leaves the status as it is."""
    if event.type == DELETION:
        return facts.status if facts is not None else None
    return STATUS_AFTER.get(event.type)


def feed_event(event: LoggedEvent, status: str | None) -> FeedEvent:
    """The event in its public form."""
    source = None
    if event.source_topic is not None and event.source_partition is not None and event.source_offset is not None:
        source = EventSource(event.source_topic, event.source_partition, event.source_offset)
    return FeedEvent(
        sequence=event.seq,
        event_id=f"{event.task_id}:{event.version}",
        task_id=event.task_id,
        type=event.type,
        status=status,
        version=event.version,
        attempt=event.attempt,
        occurred_at=event.occurred_at.astimezone(UTC),
        recorded_at=event.recorded_at.astimezone(UTC),
        data=_NO_DATA if event.data is None else msgspec.Raw(event.data.encode()),
        actor=event.actor,
        correlation_id=event.correlation_id,
        source=source,
        trace_id=event.traceparent[_TRACE_ID] if event.traceparent is not None else None,
    )
