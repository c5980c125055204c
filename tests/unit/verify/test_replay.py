"""What a stored task may differ in from its events, and what not."""

from collections.abc import Mapping
from typing import Any

import pytest

from taskmanager.application.verification.findings import FindingKind
from taskmanager.application.verification.replay import DECIDED, RENEWED, TaskHistory, check_history
from taskmanager.domain.events import TaskEvent
from taskmanager.domain.state import TaskState
from taskmanager.domain.task import WebCrawlTask
from tests.builders import at, created_task


def started_and_completed() -> tuple[WebCrawlTask, list[TaskEvent]]:
    task, created = created_task()
    started = task.start(at=at(2), now=at(3), worker="worker-1", progress=0.5)
    completed = task.complete(result="done", at=at(4), now=at(5))
    assert started is not None
    assert completed is not None
    return task, [created, started, completed]


def in_every_state() -> tuple[WebCrawlTask, list[TaskEvent]]:
    """Failed, tried again, cancelled, deleted."""
    task, created = created_task()
    events = [
        created,
        task.start(at=at(2), now=at(3)),
        task.fail(error="no", at=at(4), now=at(5), retryable=True),
        task.retry(at=at(6), now=at(7), not_before=at(60), reason="again"),
        task.cancel(at=at(8), now=at(9)),
        task.delete(at=at(10), now=at(11)),
    ]
    return task, [event for event in events if event is not None]


def history(task: WebCrawlTask, events: list[TaskEvent], **stored: Any) -> TaskHistory:
    """The task as it is, but for what a test says is stored instead."""

    def values(names: tuple[str, ...]) -> tuple[object, ...]:
        return tuple(stored[name] if name in stored else getattr(task, name) for name in names)

    return TaskHistory(task.id, values(DECIDED), values(RENEWED), events)


def differences(found: TaskHistory) -> Mapping[str, str]:
    findings = list(check_history(found))
    assert {finding.kind for finding in findings} <= {FindingKind.TASK_CONTENT}
    return {finding.expected.split(" ")[0]: finding.found for finding in findings}


@pytest.mark.parametrize("make", [started_and_completed, in_every_state])
def test_a_task_that_is_what_its_events_say_is_clean(make: Any) -> None:
    assert differences(history(*make())) == {}


def test_every_attribute_is_compared() -> None:
    digest = {"outcome"}  # of a text that is compared itself
    assert {*DECIDED, *RENEWED} == {*TaskState.__slots__} - {"id"} - digest


@pytest.mark.parametrize("name", DECIDED)
def test_another_value_is_a_finding(name: str) -> None:
    task, events = started_and_completed()
    assert differences(history(task, events, **{name: "another"})) == {name: "another"}


def test_heartbeats_may_have_moved_what_no_event_keeps() -> None:
    task, events = started_and_completed()
    renewed = history(task, events, last_heartbeat_at=at(4), worker="worker-2", progress=0.75)
    assert differences(renewed) == {}


@pytest.mark.parametrize(
    ("name", "value"), [("last_heartbeat_at", at(2)), ("last_heartbeat_at", None), ("worker", None), ("progress", None)]
)
def test_heartbeats_go_forward_and_take_nothing_away(name: str, value: object) -> None:
    task, events = started_and_completed()
    assert differences(history(task, events, **{name: value})) == {name: str(value)}


@pytest.mark.parametrize(("name", "value"), [("last_heartbeat_at", at(9)), ("worker", "w"), ("progress", 0.5)])
def test_there_are_no_heartbeats_before_the_start(name: str, value: object) -> None:
    task, created = created_task()
    assert differences(history(task, [created], **{name: value})) == {name: str(value)}


@pytest.mark.parametrize("missing", [0, 1, 2])
def test_events_that_do_not_follow_each_other_are_a_finding(missing: int) -> None:
    task, events = in_every_state()
    del events[missing]
    (finding,) = check_history(history(task, events))
    assert (finding.kind, finding.where) == (FindingKind.IMPOSSIBLE_HISTORY, task.id)


def test_an_event_that_could_not_be_read_is_a_finding() -> None:
    task, events = started_and_completed()
    (finding,) = check_history(history(task, events)._replace(unreadable="version 2 lacks its worker"))
    assert (finding.kind, finding.found) == (FindingKind.UNREADABLE_EVENT, "version 2 lacks its worker")


def test_long_values_are_cut() -> None:
    task, events = started_and_completed()
    found = differences(history(task, events, result="x" * 100_000))["result"]
    assert len(found) < 120
    assert found.endswith("(100000 characters)")
