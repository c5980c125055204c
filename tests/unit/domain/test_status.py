"""The state machine's table, the names of its states, and the catalogue of events."""

import pytest

from taskmanager.domain.events import EVENT_STATUS, EVENT_TYPES, TaskDeleted, TaskEvent
from taskmanager.domain.status import STATUS_NAMES, TaskStatus

NEW, IN_PROGRESS, COMPLETED, ERROR, CANCELLED = TaskStatus


@pytest.mark.parametrize(
    ("status", "targets"),
    [
        (NEW, {IN_PROGRESS, COMPLETED, ERROR, CANCELLED}),
        (IN_PROGRESS, {COMPLETED, ERROR, CANCELLED, NEW}),
        (COMPLETED, set()),
        (ERROR, {NEW}),
        (CANCELLED, {NEW}),
    ],
)
def test_a_status_allows_what_the_contract_allows(status: TaskStatus, targets: set[TaskStatus]) -> None:
    assert {target for target in TaskStatus if status.allows(target)} == targets


def test_completed_failed_and_cancelled_tasks_are_settled() -> None:
    assert [status for status in TaskStatus if status.is_settled] == [COMPLETED, ERROR, CANCELLED]


def test_messages_may_say_started_and_failed_too() -> None:
    assert dict(STATUS_NAMES) == {
        "new": NEW,
        "in_progress": IN_PROGRESS,
        "started": IN_PROGRESS,
        "completed": COMPLETED,
        "error": ERROR,
        "failed": ERROR,
        "cancelled": CANCELLED,
    }


def test_every_kind_of_event_is_in_the_catalogue_under_its_name() -> None:
    assert dict(EVENT_TYPES) == {kind.__name__: kind for kind in TaskEvent.__subclasses__()}


def test_every_event_but_a_deletion_says_which_status_it_leaves() -> None:
    assert set(EVENT_STATUS) == set(EVENT_TYPES.values()) - {TaskDeleted}
