"""What the workers do with what the service announces."""

from datetime import timedelta

import pytest

from taskmanager.programs.demo.crew import Crew
from taskmanager.programs.demo.published import Published
from taskmanager.programs.demo.recent import Recent
from taskmanager.programs.demo.workers import early_start, reports
from tests.unit.demo.events import NOW

IDS = [f"0190f1c2-7a3b-7cde-8f01-{number:012}" for number in range(400)]
LONG = timedelta(minutes=1)


def created(task_id: str) -> Published:
    return Published(task_id, 1, 1, "TaskCreated")


def retried(task_id: str, not_before=None) -> Published:
    return Published(task_id, 3, 2, "TaskRetried", not_before)


def busy(attempt: int = 1) -> str:
    return next(task_id for task_id in IDS if len(reports(task_id, 1, attempt)) > 1)


def crew(*, paced: bool = True, started: Recent | None = None) -> Crew:
    return Crew(1, started or Recent(), paced=paced)


def test_a_created_task_is_worked_on_in_its_time():
    workers, task_id = crew(), busy()
    plan = reports(task_id, 1)

    workers.take(created(task_id), NOW)

    assert list(workers.due(NOW)) == []
    for report in plan:
        at = NOW + timedelta(seconds=report.after)
        assert list(workers.due(at)) == [report.message(task_id, at)]
    assert workers.idle


def test_without_pace_the_reports_keep_their_order_and_drop_the_waiting():
    workers = crew(paced=False)
    for task_id in IDS:
        workers.take(created(task_id), NOW)

    assert list(workers.due(NOW)) == [report.message(task_id, NOW) for task_id in IDS for report in reports(task_id, 1)]
    assert workers.idle


def test_an_event_that_is_published_twice_is_worked_on_once():
    workers, task_id = crew(paced=False), busy()

    for _ in range(2):
        workers.take(created(task_id), NOW)

    assert len(list(workers.due(NOW))) == len(reports(task_id, 1))


@pytest.mark.parametrize("kind", ["TaskStarted", "TaskCompleted", "TaskFailed", "TaskCancelled", "TaskDeleted"])
def test_other_events_ask_for_nothing(kind):
    workers = crew()

    workers.take(Published(busy(), 2, 1, kind), NOW)

    assert workers.idle


@pytest.mark.parametrize("paced", [True, False])
def test_another_attempt_waits_for_its_time_and_is_reported_with_its_number(paced):
    workers, task_id = crew(paced=paced), busy(attempt=2)

    workers.take(retried(task_id, NOW + LONG), NOW)

    assert list(workers.due(NOW + LONG - timedelta(milliseconds=1))) == []
    messages = list(workers.due(NOW + 2 * LONG))
    assert len(messages) == len(reports(task_id, 1, 2))
    assert {dict(message.headers)["attempt"] for message in messages} == {b"2"}
    assert workers.retried == 1


def test_a_time_to_begin_that_has_passed_delays_nothing():
    workers, task_id = crew(paced=False), busy(attempt=2)

    workers.take(retried(task_id, NOW - LONG), NOW)

    assert len(list(workers.due(NOW))) == len(reports(task_id, 1, 2))


def test_a_start_that_was_reported_before_the_request_is_not_reported_again():
    task_id = next(task_id for task_id in IDS if early_start(task_id, 1) and len(reports(task_id, 1)) > 1)
    started = Recent()
    started.add(task_id)
    ahead, behind = crew(started=started), crew()

    for workers in (ahead, behind):
        workers.take(created(task_id), NOW)

    assert [len(list(workers.due(NOW))) for workers in (ahead, behind)] == [0, 1]
    assert len(list(ahead.due(NOW + LONG))) == len(reports(task_id, 1)) - 1
