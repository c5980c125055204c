"""One look at the processes, on a supervisord that is played."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from taskmanager.infrastructure.consumer_count import ConsumerCount
from taskmanager.infrastructure.metrics.gauge_files import forget_gauges
from taskmanager.infrastructure.supervisor import ProcessState
from taskmanager.programs.guard.watch import Watch
from tests.fakes.seconds import Seconds


class FakeSupervisor:
    """Starts and stops at once."""

    def __init__(self, slots: int) -> None:
        self.states = {f"consumer-{slot:02d}": ProcessState(f"consumer-{slot:02d}", "STOPPED") for slot in range(slots)}
        self.asked = 0

    def processes(self) -> Sequence[ProcessState]:
        self.asked += 1
        return list(self.states.values())

    def start(self, process: ProcessState) -> None:
        self.states[process.name] = replace(process, state="RUNNING", pid=len(self.states) + self.asked)

    def stop(self, process: ProcessState) -> None:
        self.states[process.name] = replace(process, state="STOPPED", pid=0)

    @property
    def running(self) -> list[int | None]:
        return [process.consumer_slot for process in self.states.values() if process.state == "RUNNING"]


class World:
    def __init__(self, directory: Path) -> None:
        self.supervisor = FakeSupervisor(4)
        self.count = ConsumerCount(directory / "consumers", 2)
        self.clock = Seconds()
        self.pulses = directory / "pulse"
        self.killed: list[str] = []
        self.forgotten: list[str] = []
        self.watch = Watch(
            self.supervisor, self.count, self.pulses, hang=5.0,
            kill=lambda process, _: self.killed.append(process.name),
            forget=self.forgotten.append, clock=self.clock,
        )  # fmt: skip

    def looks(self, seconds: float) -> Iterator[Sequence[ProcessState]]:
        for _ in range(int(seconds * 4)):
            self.clock.now += 0.25
            yield self.watch.look()


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_the_first_look_starts_as_many_as_the_settings_say(world: World) -> None:
    world.watch.look()
    assert world.supervisor.running == [0, 1]


def test_another_number_is_seen_at_the_next_look(world: World) -> None:
    world.watch.look()
    world.count.write(4)
    world.watch.look()
    assert world.supervisor.running == [0, 1, 2, 3]
    world.count.write(1)
    list(world.looks(1.5))
    assert world.supervisor.running == [0]


def test_supervisord_is_left_alone_while_all_is_settled(world: World) -> None:
    list(world.looks(2))
    before = world.supervisor.asked
    list(world.looks(20))
    assert world.supervisor.asked - before == 10


def test_more_than_there_are_slots_is_corrected_for_all_to_see(world: World) -> None:
    world.count.write(50)
    with capture_logs() as logs:
        world.watch.look()
    assert world.count.read() == 4
    assert world.supervisor.running == [0, 1, 2, 3]
    assert [line["event"] for line in logs] == ["more_consumers_wanted_than_slots", "consumers_scaled"]


def test_a_consumer_whose_pulse_stands_still_is_killed(world: World) -> None:
    world.pulses.mkdir()
    (world.pulses / "consumer-00").touch()
    hung = []
    for look, found in enumerate(world.looks(40)):
        os.utime(world.pulses / "consumer-00", (look, look))
        hung += found
    assert {process.name for process in hung} == set(world.killed) == {"consumer-01"}


def test_what_a_stopped_consumer_showed_is_forgotten_once_it_is_stopped(world: World) -> None:
    world.count.write(4)
    list(world.looks(4))
    world.forgotten.clear()
    world.count.write(2)
    list(world.looks(20))
    assert sorted(world.forgotten) == ["consumer-02", "consumer-03"]


def test_gauges_go_and_counts_stay(tmp_path: Path) -> None:
    for name in ("gauge_all_consumer-02.db", "counter_consumer-02.db", "gauge_all_consumer-01.db"):
        (tmp_path / name).touch()
    forget_gauges("consumer-02", tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["counter_consumer-02.db", "gauge_all_consumer-01.db"]
