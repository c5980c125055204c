"""The number of consumers is changed and seen through, on a supervisord that is played."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from taskmanager.infrastructure.consumer_count import ConsumerCount
from taskmanager.infrastructure.supervisor import ProcessState
from taskmanager.programs.scaling import NotReached, Scaling, TooMany
from tests.fakes.seconds import Seconds


class GuardedSupervisor:
    """Four slots that a guard brings to the wanted number, one step at each look."""

    def __init__(self, count: ConsumerCount) -> None:
        self.count = count
        self.running = 1
        self.is_guarded = True

    def processes(self) -> Sequence[ProcessState]:
        if self.is_guarded:
            step = self.count.read() - self.running
            self.running += (step > 0) - (step < 0)
        consumers = [
            ProcessState(f"consumer-{slot:02d}", "RUNNING" if slot < self.running else "STOPPED") for slot in range(4)
        ]
        return [ProcessState("api-00", "RUNNING"), *reversed(consumers)]


@pytest.fixture
def count(tmp_path: Path) -> ConsumerCount:
    return ConsumerCount(tmp_path / "consumers", 1)


@pytest.fixture
def supervisor(count: ConsumerCount) -> GuardedSupervisor:
    return GuardedSupervisor(count)


@pytest.fixture
def scaling(supervisor: GuardedSupervisor, count: ConsumerCount) -> Scaling:
    clock = Seconds()

    def sleep(seconds: float) -> None:
        clock.now += seconds

    return Scaling(supervisor, count, clock=clock, sleep=sleep)


def test_slots_come_in_order_and_other_programs_do_not(scaling: Scaling) -> None:
    assert [process.consumer_slot for process in scaling.slots()] == [0, 1, 2, 3]


def test_it_returns_when_exactly_the_wanted_number_runs(scaling: Scaling, supervisor: GuardedSupervisor) -> None:
    assert scaling.scale(4, wait=10) == pytest.approx(0.2)
    assert supervisor.running == 4
    assert scaling.scale(2, wait=10) == pytest.approx(0.1)
    assert supervisor.running == 2


def test_a_number_that_is_reached_already_takes_no_time(scaling: Scaling) -> None:
    assert scaling.scale(1, wait=10) == 0


def test_more_than_there_are_slots_is_refused_before_anything_changes(scaling: Scaling, count: ConsumerCount) -> None:
    with pytest.raises(TooMany, match=r"5 consumers are more than the 4 .* CONSUMER_SLOTS"):
        scaling.scale(5, wait=10)
    assert count.read() == 1


def test_what_is_missing_after_the_wait_is_named(scaling: Scaling, supervisor: GuardedSupervisor) -> None:
    supervisor.is_guarded = False
    with pytest.raises(NotReached, match="after 3 s consumer-01 is STOPPED, consumer-02 is STOPPED; the guard"):
        scaling.scale(3, wait=3)
