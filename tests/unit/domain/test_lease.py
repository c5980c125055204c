"""How long a worker may be at a task, and what comes then."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskmanager.domain.errors import Refused
from taskmanager.domain.events import TaskFailed, TaskRetried
from taskmanager.domain.lease import Lease, RetryPolicy
from taskmanager.domain.status import TaskStatus
from tests.builders import at, task_in

_LEASE = Lease(timedelta(seconds=100), timedelta(seconds=10))
_POLICY = RetryPolicy(3, timedelta(seconds=10), timedelta(seconds=60))


def test_the_start_is_the_first_sign_of_life() -> None:
    task = task_in(TaskStatus.IN_PROGRESS)  # recorded at 3

    assert _LEASE.ends_at(task) == at(13)
    assert _LEASE.exceeded(task, at(13)) == "timed out: no sign of life for 10 s"


def test_heartbeats_prolong_a_lease_until_the_attempt_has_taken_too_long() -> None:
    task = task_in(TaskStatus.IN_PROGRESS)
    task.start(at=at(12), now=at(12))
    assert _LEASE.ends_at(task) == at(22)
    task.start(at=at(99), now=at(99))
    assert _LEASE.ends_at(task) == at(103)
    assert _LEASE.exceeded(task, at(103)) == "timed out: in progress for 100 s"


def test_pauses_double_up_to_the_longest() -> None:
    assert [_POLICY.pause_after(attempt, 1.0).total_seconds() for attempt in range(1, 6)] == [10, 20, 40, 60, 60]
    assert _POLICY.pause_after(4, 1.5).total_seconds() == 60, "the longest is the longest"


@given(st.integers(1, 2**31), st.floats(0.5, 1.5))
def test_a_pause_is_never_out_of_bounds(attempt: int, jitter: float) -> None:
    pause = _POLICY.pause_after(attempt, jitter)

    assert timedelta(seconds=5) <= pause <= timedelta(seconds=90)


def test_with_attempts_left_another_one_begins() -> None:
    task = task_in(TaskStatus.IN_PROGRESS)
    event = _POLICY.settle(task, "silent", now=at(20), jitter=1.0)

    assert isinstance(event, TaskRetried)
    assert (event.attempt, event.not_before, event.reason, event.occurred_at) == (2, at(30), "silent", at(20))
    assert (task.status, task.attempt) == (TaskStatus.NEW, 2)


def test_the_last_attempt_fails_for_good_whatever_the_clocks_of_two_machines_say() -> None:
    task = task_in(TaskStatus.IN_PROGRESS)
    for now in (20, 30):
        _POLICY.settle(task, "silent", now=at(now), jitter=1.0)
        task.start(at=at(now), now=at(now))
    event = _POLICY.settle(task, "silent", now=at(15), jitter=1.0)

    assert isinstance(event, TaskFailed)
    assert (event.attempt, event.error, event.retryable) == (3, "silent, in attempt 3", False)
    assert task.status is TaskStatus.ERROR


@pytest.mark.parametrize("status", [status for status in TaskStatus if status is not TaskStatus.IN_PROGRESS])
def test_only_a_task_in_progress_can_time_out(status: TaskStatus) -> None:
    with pytest.raises(Refused, match="cannot time out"):
        _POLICY.settle(task_in(status), "silent", now=at(20), jitter=1.0)
