"""Events come back from their rows as they were written."""

from typing import Any

import orjson
import pytest

from taskmanager.application.event_log import UnreadableEvent
from taskmanager.domain.events import EVENT_TYPES, TaskCreated, TaskEvent
from taskmanager.infrastructure.postgres.copying import created_data, event_data
from taskmanager.infrastructure.postgres.event_rows import event_of
from tests.builders import at, created_task, task_id


def row(event: TaskEvent, data: object) -> tuple[Any, ...]:
    correlation_id = event.correlation_id if isinstance(event, TaskCreated) else None
    text = orjson.dumps(data).decode()
    kind = type(event).__name__
    times = (event.occurred_at, event.recorded_at)
    return (event.task_id, event.version, kind, event.attempt, *times, text, correlation_id)


def every_event() -> list[TaskEvent]:
    """One of each type, with everything that it may hold."""
    task, created = created_task(metadata={"campaign": "7"}, correlation_id="order-1")
    started = task.start(at=at(2), now=at(3), worker="worker-1", progress=0.5)
    failed = task.fail(error="no\tway", at=at(4), now=at(5), retryable=False)
    retried = task.retry(at=at(6), now=at(7), not_before=at(60), reason="again")
    completed = task.complete(result='{"pages": 1}', at=at(8), now=at(9))
    deleted = task.delete(at=at(10), now=at(11))
    other, _ = created_task()
    cancelled = other.cancel(at=at(2), now=at(3))
    events = [created, started, failed, retried, completed, deleted, cancelled]
    return [event for event in events if event is not None]


@pytest.mark.parametrize("event", every_event(), ids=lambda event: type(event).__name__)
def test_an_event_comes_back_as_it_was_written(event: TaskEvent) -> None:
    data = created_data(event) if isinstance(event, TaskCreated) else event_data(event)
    assert event_of(row(event, data)) == event


def test_every_type_of_event_was_tried() -> None:
    assert {type(event) for event in every_event()} == set(EVENT_TYPES.values())


@pytest.mark.parametrize("kind", ["TaskCreated", "TaskCompleted", "TaskFailed"])
def test_content_that_is_missing_is_named(kind: str) -> None:
    with pytest.raises(UnreadableEvent, match=f"version 1 \\({kind}\\) lacks '"):
        event_of((task_id(), 1, kind, 1, at(0), at(1), None, None))


def test_a_type_that_nobody_knows_is_named() -> None:
    with pytest.raises(UnreadableEvent, match="unknown type 'TaskPainted'"):
        event_of((task_id(), 4, "TaskPainted", 1, at(0), at(1), "{}", None))


@pytest.mark.parametrize("data", ["[]", "7", '{"notBefore": 5}', '{"notBefore": "soon"}'])
def test_content_of_another_form_is_unreadable(data: str) -> None:
    with pytest.raises(UnreadableEvent):
        event_of((task_id(), 4, "TaskRetried", 2, at(0), at(1), data, None))
