"""What the service itself has published."""

from datetime import timedelta

import pytest

from taskmanager.application.commands import InboundMessage
from taskmanager.programs.demo.messages import Message, Role
from taskmanager.programs.demo.published import Kind, Published, Recogniser
from tests.unit.demo.events import NOW, TASK, relayed


@pytest.fixture
def recogniser() -> Recogniser:
    return Recogniser("task-manager", ["task-status"])


def as_played(message: InboundMessage) -> Message:
    return Message(Role.STATUS, message.key, message.value, tuple(message.headers or ()), "line 1")


def test_the_relays_messages_are_events(recogniser):
    assert recogniser.kind(relayed()) is Kind.EVENT


@pytest.mark.parametrize(
    "message",
    [
        relayed(source="demo-worker-1"),
        relayed(status="completed"),  # a worker that copied the headers
        relayed()._replace(headers=[("id", TASK.encode()), ("status", b"started")]),
        relayed()._replace(headers=None),
        relayed()._replace(headers=[("event_id", b"\xff"), ("source", b"task-manager")]),
    ],
    ids=["another source", "another status", "a report", "without headers", "not UTF-8"],
)
def test_nothing_else_is_an_event(recogniser, message):
    assert recogniser.kind(message) is Kind.PLAYED


def test_a_played_message_that_looks_like_an_event_is_told_from_the_event_once(recogniser):
    recogniser.announce(as_played(relayed()))

    assert recogniser.kind(relayed(version=2)) is Kind.EVENT
    assert recogniser.kind(relayed()) is Kind.LOOKALIKE
    assert recogniser.kind(relayed()) is Kind.EVENT


def test_an_event_tells_task_version_attempt_type_and_when_to_begin():
    later = NOW + timedelta(seconds=10)

    assert Published.of(relayed()) == Published(TASK, 1, 1, "TaskCreated", None)
    assert Published.of(relayed(version=4, kind="TaskRetried", attempt=2, not_before=later)) == Published(
        TASK, 4, 2, "TaskRetried", later
    )


@pytest.mark.parametrize(
    "message",
    [
        relayed(event_id=f"{TASK}:2"),
        relayed(id=TASK.replace("0", "1")),
        relayed(attempt=1)._replace(key=b"other"),
        relayed()._replace(value=None),
        relayed()._replace(value=b'{"id":1}'),
        relayed()._replace(value=relayed(attempt=2).value),
        relayed(event_id="nonsense"),
        relayed(attempt=3)._replace(headers=[h for h in relayed().headers or [] if h[0] != "attempt"]),
    ],
)
def test_an_event_that_contradicts_itself_is_refused(message):
    with pytest.raises(ValueError, match=r"event|unpack"):
        Published.of(message)
