"""What each intent comes to, and what it changes."""

import pytest

from taskmanager.application.changes import Changes
from taskmanager.application.commands import DeleteTask, RetryTask
from taskmanager.application.decide_intents import IntentDecision
from taskmanager.application.intents import Decided, Declined, Done, Intent, Missing, Outdated
from taskmanager.domain.errors import RefusalReason
from taskmanager.domain.state import outcome_digest
from taskmanager.domain.status import TaskStatus
from taskmanager.domain.task import WebCrawlTask
from taskmanager.domain.values import UserEmail
from tests.builders import at, create_command, report_command, task_id, task_in

OWN, OTHER = UserEmail("reader@example.com"), UserEmail("other@example.com")
RETRY, DELETE = RetryTask(task_id(), at(50), "key:a"), DeleteTask(task_id(), at(50), "key:a")
CANCEL = report_command(TaskStatus.CANCELLED, source=None)


def decide(*intents: Intent, task: WebCrawlTask | None = None) -> tuple[list[Decided], Changes]:
    changes = Changes(at(60), {})
    decision = IntentDecision({} if task is None else {task.id: task}, changes)
    return [decision.decide(intent) for intent in intents], changes


def counts(changes: Changes) -> dict[TaskStatus, int]:
    return {status: count for (_, status), count in changes.counts.items() if count}


def test_a_creation_shows_the_new_task_and_counts_it() -> None:
    (decided,), changes = decide(Intent(create_command(source=None)))
    assert isinstance(decided, Done)
    assert (decided.task.id, decided.task.status, decided.task.version) == (task_id(), "new", 1)
    assert counts(changes) == {TaskStatus.NEW: 1}


@pytest.mark.parametrize("command", [RETRY, DELETE, CANCEL, report_command(source=None)])
@pytest.mark.parametrize("case", ["none", "somebody else's", "deleted"])
def test_what_the_caller_may_not_see_is_missing_and_unchanged(command: object, case: str) -> None:
    task = task_in(TaskStatus.COMPLETED)
    if case == "deleted":
        task.delete(at=at(6), now=at(7))
    owner = OTHER if case == "somebody else's" else OWN
    (decided,), changes = decide(Intent(command, owner), task=None if case == "none" else task)  # type: ignore[arg-type]
    assert isinstance(decided, Missing)
    assert (changes.recorded, changes.changed, changes.refused, changes.counts) == ([], {}, [], {})


def test_the_owner_may() -> None:
    (decided,), _ = decide(Intent(CANCEL, OWN), task=task_in(TaskStatus.NEW))
    assert isinstance(decided, Done)


def test_a_version_that_is_past_keeps_the_task_as_it_is() -> None:
    (stale, right), changes = decide(
        Intent(CANCEL, versions={1}), Intent(CANCEL, versions={2, 7}), task=task_in(TaskStatus.IN_PROGRESS)
    )
    assert stale == Outdated(2)
    assert isinstance(right, Done)
    assert len(changes.recorded) == 1


def test_each_intent_sees_what_those_before_it_have_done_and_no_more() -> None:
    (cancelled, retried), changes = decide(Intent(CANCEL), Intent(RETRY), task=task_in(TaskStatus.NEW))
    assert isinstance(cancelled, Done)
    assert isinstance(retried, Done)
    assert (cancelled.task.status, cancelled.task.attempt) == ("cancelled", 1)
    assert (retried.task.status, retried.task.attempt) == ("new", 2)
    assert counts(changes) == {}
    assert [type(cause).__name__ for _, cause in changes.recorded] == ["ReportStatus", "RetryTask"]


def test_a_deletion_takes_the_task_out_of_the_counts_and_tells_no_duration() -> None:
    (decided, again), changes = decide(Intent(DELETE), Intent(DELETE), task=task_in(TaskStatus.ERROR))
    assert isinstance(decided, Done)
    assert isinstance(again, Missing)
    assert counts(changes) == {TaskStatus.ERROR: -1}
    assert changes.durations == {}


@pytest.mark.parametrize(
    ("command", "status"),
    [(RETRY, TaskStatus.COMPLETED), (RETRY, TaskStatus.IN_PROGRESS), (DELETE, TaskStatus.NEW)],
)
def test_what_the_state_machine_forbids_is_declined(command: RetryTask | DeleteTask, status: TaskStatus) -> None:
    (decided,), changes = decide(Intent(command), task=task_in(status))
    assert isinstance(decided, Declined)
    assert decided.reason is RefusalReason.INVALID_TRANSITION
    assert changes.changed == {}


def test_a_report_that_is_refused_is_kept() -> None:
    (decided,), changes = decide(Intent(CANCEL), task=task_in(TaskStatus.COMPLETED))
    assert isinstance(decided, Declined)
    assert [refusal.reason for _, refusal in changes.refused] == [RefusalReason.INVALID_TRANSITION]


@pytest.mark.parametrize(("status", "field"), [(TaskStatus.COMPLETED, "result"), (TaskStatus.ERROR, "error")])
def test_a_repeated_report_shows_the_task_with_its_text_though_that_was_not_loaded(
    status: TaskStatus, field: str
) -> None:
    task = task_in(status)
    task.result = task.error = None
    task.outcome = outcome_digest("done")
    (decided,), changes = decide(Intent(report_command(status, source=None)), task=task)
    assert isinstance(decided, Done)
    assert getattr(decided.task, field) == "done"
    assert (changes.recorded, changes.changed) == ([], {})


def test_whoever_cancels_means_the_present_attempt_whatever_their_clock_says() -> None:
    task = task_in(TaskStatus.CANCELLED)
    task.retry(at=at(40), now=at(40))
    (decided,), _ = decide(Intent(report_command(TaskStatus.CANCELLED, source=None, at=at(30))), task=task)
    assert isinstance(decided, Done)
    assert decided.task.status == "cancelled"
