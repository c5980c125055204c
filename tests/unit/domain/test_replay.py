"""A task is what its events say, and only a whole history says it."""

from dataclasses import replace

import pytest

from taskmanager.domain.events import TaskCreated, TaskEvent
from taskmanager.domain.task import WebCrawlTask
from tests.builders import at, created_task, state_of, task_id, versions


def _history() -> tuple[WebCrawlTask, list[TaskEvent]]:
    task, created = created_task(correlation_id="c", metadata={"k": "v"})
    made = [
        task.start(at=at(2), now=at(3), worker="w", progress=0.1),
        task.time_out(at=at(10), now=at(10), not_before=at(20), reason="timed out"),
        task.start(at=at(21), now=at(22), attempt=2),
        task.fail(error="no route", retryable=True, at=at(23), now=at(24), attempt=2),
        task.retry(at=at(25), now=at(26)),
        task.complete(result="found", at=at(27), now=at(28)),
        task.delete(at=at(30), now=at(31)),
    ]
    return task, [created, *(event for event in made if event is not None)]


def test_replaying_all_events_gives_the_task() -> None:
    task, events = _history()
    assert versions(events) == [1, 2, 3, 4, 5, 6, 7, 8]
    assert state_of(WebCrawlTask.replay(iter(events))) == state_of(task)


def test_replaying_the_first_events_gives_the_task_as_it_was() -> None:
    _, events = _history()
    then = WebCrawlTask.replay(events[:5])
    assert (then.version, then.attempt, then.error, then.updated_at) == (5, 2, "no route", at(24))


def test_no_history_is_no_task() -> None:
    with pytest.raises(ValueError, match="starts with TaskCreated"):
        WebCrawlTask.replay([])


def test_a_history_without_its_beginning_is_refused() -> None:
    _, events = _history()
    with pytest.raises(ValueError, match="starts with TaskCreated"):
        WebCrawlTask.replay(events[1:])
    with pytest.raises(ValueError, match="starts with TaskCreated"):
        WebCrawlTask.replay([replace(events[0], version=2)])


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"version": 4}, "version 4 of .* does not follow version 2"),
        ({"version": 2}, "version 2 of .* does not follow version 2"),
        ({"task_id": task_id(2)}, "does not follow"),
        ({"attempt": 1}, "TaskRetried of attempt 1 cannot follow attempt 1"),
        ({"attempt": 3}, "TaskRetried of attempt 3 cannot follow attempt 1"),
        ({"recorded_at": at(2)}, "version 3 was recorded before version 2"),
    ],
)
def test_an_event_that_does_not_follow_is_refused(changes: dict[str, object], problem: str) -> None:
    _, events = _history()
    events[2] = replace(events[2], **changes)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=problem):
        WebCrawlTask.replay(events)


def test_an_event_that_the_state_machine_never_makes_is_refused() -> None:
    _, events = _history()
    again = replace(events[3], version=5, recorded_at=at(24))
    with pytest.raises(ValueError, match="TaskStarted cannot follow version 4: in_progress"):
        WebCrawlTask.replay([*events[:4], again])


def test_nothing_follows_a_deletion() -> None:
    _, events = _history()
    with pytest.raises(ValueError, match="TaskDeleted cannot follow version 8"):
        WebCrawlTask.replay([*events, replace(events[-1], version=9)])


def test_a_task_is_created_once() -> None:
    task, events = _history()
    created = events[0]
    assert isinstance(created, TaskCreated)
    again = replace(created, version=6, attempt=2, recorded_at=task.updated_at)
    with pytest.raises(ValueError, match="TaskCreated cannot follow version 5: error"):
        WebCrawlTask.replay([*events[:5], again])
