"""When a run is at its end."""

from dataclasses import replace

import pytest

from taskmanager.programs.demo.progress import Progress
from taskmanager.programs.demo.settlement import STALL_SECONDS, Settlement

P = ("t", 0)
DONE = Progress(
    tasks={}, read={P: 10}, skipped={P: 3}, ends={P: 10}, dead_letters=0, parked=1, claimable=0, expired=0,
    last_event=7, published=7,
)  # fmt: skip


def test_settled_is_what_is_read_to_the_end_and_published_with_nothing_left_to_claim():
    assert DONE.settled
    assert replace(DONE, published=8).settled  # numbers that will never be


@pytest.mark.parametrize(
    "unfinished",
    [
        replace(DONE, read={P: 9}),
        replace(DONE, read={}),
        replace(DONE, claimable=1),
        replace(DONE, last_event=8),
        replace(DONE, ends={P: 10, ("u", 0): 1}),
    ],
)
def test_lag_or_a_backlog_or_a_parked_report_whose_task_exists_is_not_settled(unfinished):
    assert not unfinished.settled


def test_it_looks_often_while_something_moves_and_seldom_while_nothing_does():
    settlement = Settlement(now=0)

    pauses = [settlement.pause(number / 10, DONE) for number in range(8)]

    assert pauses[0] == pytest.approx(0.05)
    assert pauses == sorted(pauses)
    assert pauses[-1] == pytest.approx(0.25)
    assert settlement.pause(1, replace(DONE, read={P: 11})) == pytest.approx(0.05)
    assert settlement.pause(2, replace(DONE, read={P: 11}, published=8)) == pytest.approx(0.05)


def test_it_stalls_after_a_minute_without_movement():
    settlement = Settlement(now=0)
    settlement.pause(10, DONE)
    settlement.pause(20, DONE)
    settlement.pause(30, None)

    assert not settlement.stalled(10 + STALL_SECONDS - 1)
    assert settlement.stalled(10 + STALL_SECONDS)
