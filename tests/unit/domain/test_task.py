"""What a task allows, and what each change leaves behind."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from taskmanager.domain.errors import RefusalReason, Refused
from taskmanager.domain.events import (
    TaskCancelled,
    TaskCompleted,
    TaskDeleted,
    TaskEvent,
    TaskFailed,
    TaskRetried,
    TaskStarted,
)
from taskmanager.domain.state import outcome_digest
from taskmanager.domain.status import TaskStatus
from taskmanager.domain.task import WebCrawlTask
from taskmanager.domain.values import TaskQuery, TaskUrl, UserEmail
from tests.builders import at, created_task, request_content, state_of, task_id, task_in

NEW, IN_PROGRESS, COMPLETED, ERROR, CANCELLED = TaskStatus
Change = Callable[[WebCrawlTask], TaskEvent | None]

_CHANGES: dict[str, Change] = {
    "start": lambda task: task.start(at=at(10), now=at(11)),
    "complete": lambda task: task.complete(result="other", at=at(10), now=at(11)),
    "fail": lambda task: task.fail(error="other", at=at(10), now=at(11)),
    "cancel": lambda task: task.cancel(at=at(10), now=at(11)),
    "retry": lambda task: task.retry(at=at(10), now=at(11)),
    "time_out": lambda task: task.time_out(at=at(10), now=at(11)),
    "delete": lambda task: task.delete(at=at(10), now=at(11)),
}


def _refused(task: WebCrawlTask, change: Change) -> RefusalReason:
    """The reason why the task refuses the change; it must be as before."""
    before = state_of(task)
    with pytest.raises(Refused) as refusal:
        change(task)
    assert state_of(task) == before
    return refusal.value.reason


def test_a_created_task_is_new_and_in_its_first_attempt() -> None:
    task, created = created_task(correlation_id="c-1", metadata={"team": "a"})
    assert (task.status, task.version, task.attempt) == (NEW, 1, 1)
    assert (task.received_at, task.created_at, task.updated_at) == (at(0), at(1), at(1))
    assert (created.version, created.attempt, created.correlation_id) == (1, 1, "c-1")
    assert created.metadata == task.metadata == {"team": "a"}


@pytest.mark.parametrize(
    ("status", "change", "kind", "target"),
    [
        (NEW, "start", TaskStarted, IN_PROGRESS),
        (NEW, "complete", TaskCompleted, COMPLETED),
        (NEW, "fail", TaskFailed, ERROR),
        (NEW, "cancel", TaskCancelled, CANCELLED),
        (IN_PROGRESS, "complete", TaskCompleted, COMPLETED),
        (IN_PROGRESS, "fail", TaskFailed, ERROR),
        (IN_PROGRESS, "cancel", TaskCancelled, CANCELLED),
        (IN_PROGRESS, "time_out", TaskRetried, NEW),
        (ERROR, "retry", TaskRetried, NEW),
        (CANCELLED, "retry", TaskRetried, NEW),
        (COMPLETED, "delete", TaskDeleted, COMPLETED),
        (ERROR, "delete", TaskDeleted, ERROR),
        (CANCELLED, "delete", TaskDeleted, CANCELLED),
    ],
)
def test_an_allowed_change_makes_its_event(
    status: TaskStatus, change: str, kind: type[TaskEvent], target: TaskStatus
) -> None:
    task = task_in(status)
    version = task.version
    event = _CHANGES[change](task)
    assert type(event) is kind
    assert (event.task_id, event.version, event.occurred_at, event.recorded_at) == (
        task_id(),
        version + 1,
        at(10),
        at(11),
    )
    assert (task.status, task.version, task.updated_at) == (target, version + 1, at(11))


@pytest.mark.parametrize(
    ("status", "change", "reason"),
    [
        (NEW, "retry", RefusalReason.INVALID_TRANSITION),
        (NEW, "time_out", RefusalReason.INVALID_TRANSITION),
        (NEW, "delete", RefusalReason.INVALID_TRANSITION),
        (IN_PROGRESS, "retry", RefusalReason.INVALID_TRANSITION),
        (IN_PROGRESS, "delete", RefusalReason.INVALID_TRANSITION),
        (COMPLETED, "start", RefusalReason.INVALID_TRANSITION),
        (COMPLETED, "complete", RefusalReason.CONFLICTING_REPORT),
        (COMPLETED, "fail", RefusalReason.INVALID_TRANSITION),
        (COMPLETED, "cancel", RefusalReason.INVALID_TRANSITION),
        (COMPLETED, "retry", RefusalReason.INVALID_TRANSITION),
        (COMPLETED, "time_out", RefusalReason.INVALID_TRANSITION),
        (ERROR, "start", RefusalReason.INVALID_TRANSITION),
        (ERROR, "complete", RefusalReason.INVALID_TRANSITION),
        (ERROR, "fail", RefusalReason.CONFLICTING_REPORT),
        (ERROR, "cancel", RefusalReason.INVALID_TRANSITION),
        (ERROR, "time_out", RefusalReason.INVALID_TRANSITION),
        (CANCELLED, "start", RefusalReason.INVALID_TRANSITION),
        (CANCELLED, "complete", RefusalReason.INVALID_TRANSITION),
        (CANCELLED, "fail", RefusalReason.INVALID_TRANSITION),
        (CANCELLED, "time_out", RefusalReason.INVALID_TRANSITION),
    ],
)
def test_any_other_change_is_refused_and_changes_nothing(
    status: TaskStatus, change: str, reason: RefusalReason
) -> None:
    assert _refused(task_in(status), _CHANGES[change]) is reason


@pytest.mark.parametrize("change", sorted(_CHANGES.keys() - {"delete"}))
@pytest.mark.parametrize("status", [COMPLETED, ERROR, CANCELLED])
def test_a_deleted_task_refuses_everything(status: TaskStatus, change: str) -> None:
    task = task_in(status)
    task.delete(at=at(6), now=at(7))
    assert _refused(task, _CHANGES[change]) is RefusalReason.TASK_DELETED


@pytest.mark.parametrize(
    ("status", "again"),
    [
        (COMPLETED, lambda task: task.complete(result="done", at=at(9), now=at(9))),
        (ERROR, lambda task: task.fail(error="done", retryable=True, at=at(9), now=at(9))),
        (CANCELLED, lambda task: task.cancel(at=at(9), now=at(9))),
    ],
)
def test_the_same_final_report_again_changes_nothing(status: TaskStatus, again: Change) -> None:
    task = task_in(status)
    before = state_of(task)
    assert again(task) is None
    assert state_of(task) == before


def test_a_repeated_final_report_is_known_by_its_digest_alone() -> None:
    task = task_in(COMPLETED)
    task.result, task.outcome = None, outcome_digest("done")
    assert task.complete(result="done", at=at(9), now=at(9)) is None
    assert _refused(task, _CHANGES["complete"]) is RefusalReason.CONFLICTING_REPORT


def test_deleting_again_changes_nothing() -> None:
    task = task_in(COMPLETED)
    task.delete(at=at(6), now=at(7))
    before = state_of(task)
    assert task.delete(at=at(8), now=at(9)) is None
    assert state_of(task) == before
    assert task.deleted_at == at(7)


def test_a_repeated_start_is_a_heartbeat_and_no_event() -> None:
    task = task_in(IN_PROGRESS)
    before = state_of(task)
    assert task.start(at=at(20), now=at(21), progress=0.5) is None
    assert state_of(task) == {**before, "last_heartbeat_at": at(21), "progress": 0.5}
    assert task.start(at=at(22), now=at(23), worker="worker-2") is None
    assert state_of(task) == {**before, "last_heartbeat_at": at(23), "progress": 0.5, "worker": "worker-2"}


def test_the_lease_never_goes_back() -> None:
    task = task_in(IN_PROGRESS)
    task.start(at=at(20), now=at(21))
    task.start(at=at(20), now=at(4))
    assert task.last_heartbeat_at == at(21)


def test_what_is_recorded_never_goes_back_within_a_task() -> None:
    task, _ = created_task(now=at(100))
    started = task.start(at=at(2), now=at(50))
    assert started is not None
    assert started.recorded_at == at(100)
    assert started.occurred_at == at(2)


@pytest.mark.parametrize("change", ["retry", "time_out"])
def test_a_new_attempt_forgets_the_former_but_not_the_request(change: str) -> None:
    task = task_in(ERROR if change == "retry" else IN_PROGRESS)
    fresh, _ = created_task()
    retry = getattr(task, change)
    event = retry(at=at(10), now=at(11), not_before=at(60), reason="because")
    assert (event.attempt, event.not_before, event.reason) == (2, at(60), "because")
    changed = {"attempt": 2, "attempt_started_at": at(11), "not_before": at(60), "updated_at": at(11)}
    assert state_of(task) == {**state_of(fresh), **changed, "version": task.version}


@pytest.mark.parametrize("report", ["start", "complete", "fail", "cancel"])
def test_a_report_of_an_attempt_that_is_over_is_refused(report: str) -> None:
    task = task_in(ERROR)
    task.retry(at=at(10), now=at(11))
    arguments = {"complete": {"result": "late"}, "fail": {"error": "late"}}.get(report, {})
    method = getattr(task, report)

    def change(attempt: int | None, seconds: float) -> Change:
        return lambda _: method(attempt=attempt, at=at(seconds), now=at(30), **arguments)

    assert _refused(task, change(1, 20)) is RefusalReason.STALE_ATTEMPT
    assert _refused(task, change(None, 10.9)) is RefusalReason.STALE_ATTEMPT
    assert _refused(task, change(3, 20)) is RefusalReason.UNKNOWN_ATTEMPT
    assert change(2, 10.9)(task) is not None


def test_a_report_without_attempt_counts_for_the_attempt_that_had_begun() -> None:
    task = task_in(ERROR)
    task.retry(at=at(10), now=at(11))
    assert task.start(at=at(11), now=at(12)) is not None


def test_in_the_first_attempt_a_report_from_before_the_task_counts() -> None:
    task, _ = created_task(at=at(0), now=at(1))
    assert task.start(at=at(-60), now=at(2)) is not None


def test_the_same_request_again_is_accepted() -> None:
    task, _ = created_task(metadata={"a": "b"})
    task.start(at=at(2), now=at(3))
    before = state_of(task)
    task.repeat_request(**request_content(metadata={"a": "b"}))
    assert state_of(task) == before


@pytest.mark.parametrize(
    "other",
    [
        {"user_email": UserEmail("other@example.com")},
        {"user_query": TaskQuery("other")},
        {"original_url": TaskUrl("https://example.com/other")},
        {"metadata": {"a": "b"}},
    ],
)
def test_another_request_for_the_same_id_is_refused(other: dict[str, object]) -> None:
    task, _ = created_task()
    reason = _refused(task, lambda task: task.repeat_request(**request_content(**other)))
    assert reason is RefusalReason.CONFLICTING_REQUEST


def test_a_task_says_whether_it_is_in_progress_or_completed() -> None:
    assert [status for status in TaskStatus if task_in(status).is_in_progress] == [IN_PROGRESS]
    assert [status for status in TaskStatus if task_in(status).is_completed] == [COMPLETED]


def test_the_duration_is_from_start_to_end() -> None:
    assert task_in(COMPLETED).duration == timedelta(seconds=2)
    assert task_in(IN_PROGRESS).duration is None


def test_without_a_start_the_duration_is_from_the_request() -> None:
    task, _ = created_task()
    task.fail(error="x", at=at(7), now=at(8))
    assert task.duration == timedelta(seconds=7)


def test_without_a_start_a_later_attempt_takes_from_the_retry_to_its_end() -> None:
    task = task_in(ERROR)
    task.retry(at=at(9), now=at(10))
    task.complete(result="x", at=at(13), now=at(13))
    assert task.duration == timedelta(seconds=3)


def test_a_duration_is_never_negative() -> None:
    task, _ = created_task()
    task.complete(result="x", at=at(-5), now=at(2))
    assert task.duration == timedelta(0)
