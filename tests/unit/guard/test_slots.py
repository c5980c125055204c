"""Exactly the wanted consumers run, whatever the states they are in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskmanager.infrastructure.supervisor import ProcessState
from taskmanager.programs.guard.slots import SlotPlan, Steps

STATES = ["STOPPED", "STARTING", "RUNNING", "BACKOFF", "STOPPING", "EXITED", "FATAL"]


def consumers(*states: str) -> list[ProcessState]:
    return [ProcessState(f"consumer-{slot:02d}", state, pid=100 + slot) for slot, state in enumerate(states)]


def names(steps: Steps) -> tuple[list[str], list[str]]:
    return [process.name for process in steps.start], [process.name for process in steps.stop]


def plan() -> SlotPlan:
    return SlotPlan(handover=1.0)


def test_at_the_start_the_first_slots_are_started_at_once_and_together() -> None:
    steps = plan().steps(consumers(*["STOPPED"] * 4), 3, 0.0)
    assert names(steps) == (["consumer-00", "consumer-01", "consumer-02"], [])
    assert not steps.settled


def test_nothing_is_done_once_they_run() -> None:
    assert plan().steps(consumers("RUNNING", "RUNNING", "STOPPED"), 2, 0.0) == Steps((), (), settled=True)


def test_a_slot_that_is_not_wanted_any_more_gets_a_moment_to_hand_over() -> None:
    slots, four = plan(), consumers(*["RUNNING"] * 4)
    assert slots.steps(four, 4, 0.0).settled
    assert names(slots.steps(four, 2, 10.0)) == ([], [])
    assert names(slots.steps(four, 2, 10.9)) == ([], [])
    assert names(slots.steps(four, 2, 11.0)) == ([], ["consumer-02", "consumer-03"])


def test_a_change_of_mind_within_that_moment_stops_nothing() -> None:
    slots, four = plan(), consumers(*["RUNNING"] * 4)
    slots.steps(four, 4, 0.0)
    slots.steps(four, 2, 10.0)
    assert slots.steps(four, 4, 10.5) == Steps((), (), settled=True)


def test_a_guard_that_was_restarted_goes_on_where_the_former_one_was() -> None:
    steps = plan().steps(consumers("STOPPED", "RUNNING", "RUNNING"), 2, 0.0)
    assert names(steps) == (["consumer-00"], ["consumer-02"])


def test_other_programs_are_left_alone() -> None:
    others = [ProcessState("relay", "STOPPED"), ProcessState("api-00", "RUNNING"), ProcessState("guard", "RUNNING")]
    assert plan().steps(others, 1, 0.0) == Steps((), (), settled=True)


@pytest.mark.parametrize("state", ["STARTING", "BACKOFF", "STOPPING", "EXITED", "FATAL"])
def test_what_supervisord_is_at_already_is_waited_for(state: str) -> None:
    assert plan().steps(consumers(state), 1, 0.0) == Steps((), (), settled=False)


@given(st.lists(st.sampled_from(STATES), min_size=1, max_size=8), st.integers(1, 8), st.floats(0, 100))
def test_a_wanted_slot_is_never_stopped_and_another_never_started(states: list[str], wanted: int, later: float) -> None:
    slots = plan()
    slots.steps(consumers(*states), 9, 0.0)
    steps = slots.steps(consumers(*states), wanted, later)
    assert all(process.consumer_slot < wanted for process in steps.start)
    assert all(process.consumer_slot >= wanted for process in steps.stop)
    assert steps.settled == all(
        state == ("RUNNING" if slot < wanted else "STOPPED") for slot, state in enumerate(states)
    )
