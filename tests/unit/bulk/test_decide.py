"""What an order comes to for tasks in each status."""

from typing import Any

import pytest

from taskmanager.application.bulk_model import BulkAction, Operation, OperationState, Order, Selection, Tally
from taskmanager.application.changes import Changes
from taskmanager.application.use_cases.bulk.decide import decide
from taskmanager.domain.status import TaskStatus
from tests.builders import at, task_in

NEW, RUNNING, DONE, FAILED, CANCELLED = TaskStatus


def order(action: str, **changes: Any) -> Order:
    """What somebody asks for."""
    return Order(**{"action": BulkAction(action), "selection": Selection(), "actor": "key:ann"} | changes)


@pytest.mark.parametrize(
    ("action", "changed", "unchanged"),
    [
        ("cancel", {NEW, RUNNING}, {CANCELLED}),
        ("retry", {FAILED, CANCELLED}, set()),
        ("delete", {DONE, FAILED, CANCELLED}, set()),
    ],
)
@pytest.mark.parametrize("status", TaskStatus)
def test_the_state_machine_decides(
    action: str, changed: set[TaskStatus], unchanged: set[TaskStatus], status: TaskStatus
) -> None:
    task, changes = task_in(status), Changes(at(60), {})
    tally = decide(order(action, correlation_id="c-1"), {task.id: task}, changes)
    assert tally == Tally(status in changed, status in unchanged, status not in changed | unchanged)
    assert [(cause.actor, cause.correlation_id) for _, cause in changes.recorded] == [
        ("key:ann", "c-1")
    ] * tally.changed
    # Whoever looks at a task's history sees what was tried; the other two leave no trace where they are refused.
    assert len(changes.refused) == (tally.refused if action == "cancel" else 0)


def test_what_does_not_match_any_more_counts_for_nothing() -> None:
    task = task_in(RUNNING)
    assert (
        decide(order("cancel", selection=Selection(status=("new",))), {task.id: task}, Changes(at(60), {})) == Tally()
    )
    deleted = task_in(DONE)
    deleted.delete(at=at(6), now=at(7))
    assert decide(order("delete"), {deleted.id: deleted}, Changes(at(60), {})) == Tally()


def test_another_users_task_is_left_alone() -> None:
    task, changes = task_in(NEW), Changes(at(60), {})
    decide(order("cancel", owner="somebody@example.com"), {task.id: task}, changes)
    assert changes.recorded == []
    assert task.status is NEW


def test_ids_that_were_not_found_are_known_when_all_were_looked_for() -> None:
    named = order("cancel", selection=Selection(ids=("a", "b", "c")))
    running = Operation(id="1", order=named, state=OperationState.RUNNING, created_at=at(0), tally=Tally(1, 0, 1))
    assert running.not_found is None
    done = Operation(id="1", order=named, state=OperationState.COMPLETED, created_at=at(0), tally=Tally(1, 0, 1))
    assert (done.not_found, done.tally.matched) == (1, 2)
    assert Operation(id="1", order=order("cancel"), state=OperationState.COMPLETED, created_at=at(0)).not_found is None


def test_only_tasks_of_before_are_wanted() -> None:
    assert order("retry").wanted(at(5)).created_before == at(5)
    assert order("retry", selection=Selection(created_before=at(3))).wanted(at(5)).created_before == at(3)
    assert order("retry", selection=Selection(created_before=at(9))).wanted(at(5)).created_before == at(5)
