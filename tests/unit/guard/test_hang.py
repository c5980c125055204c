"""What counts as hung, and what does not."""

from collections.abc import Mapping

import pytest

from taskmanager.infrastructure.supervisor import ProcessState
from taskmanager.programs.guard.hang import HangWatch

LIMIT = 60.0
LOOK = 2.0


class Scene:
    """Processes that are looked at every two seconds."""

    def __init__(self) -> None:
        self.watch = HangWatch(LIMIT)
        self.now = 0.0
        self.beats: dict[str, int] = {}

    def look(self, *processes: ProcessState, beats: Mapping[str, int] | None = None) -> list[str]:
        self.now += LOOK
        return [process.name for process in self.watch.hung(processes, beats or self.beats, self.now)]

    def seconds_until_hung(self, process: ProcessState) -> float:
        began = self.now + LOOK
        while process.name not in self.look(process):
            assert self.now < 10 * LIMIT, "it is never found to hang"
        return self.now - began


def running(name: str = "consumer-00", pid: int = 7) -> ProcessState:
    return ProcessState(name, "RUNNING", pid)


def test_a_process_that_beats_lives_on() -> None:
    scene = Scene()
    assert not any(scene.look(running(), beats={"consumer-00": beat // 20}) for beat in range(400))


def test_one_that_falls_silent_is_found_after_the_limit() -> None:
    scene = Scene()
    scene.look(running(), beats={"consumer-00": 1})
    scene.beats["consumer-00"] = 2
    assert scene.seconds_until_hung(running()) == LIMIT + LOOK


@pytest.mark.parametrize("name", ["consumer-00", "relay"])
def test_a_worker_that_never_beats_is_counted_from_its_start(name: str) -> None:
    assert Scene().seconds_until_hung(running(name)) == LIMIT + LOOK


def test_a_program_without_a_pulse_is_not_watched() -> None:
    scene = Scene()
    assert not any(scene.look(running("api-00"), running("metrics")) for _ in range(100))


def test_any_program_with_a_pulse_is_watched() -> None:
    scene = Scene()
    scene.beats["housekeeper"] = 1
    assert scene.seconds_until_hung(running("housekeeper")) == LIMIT + LOOK


@pytest.mark.parametrize("state", ["STOPPED", "STARTING", "STOPPING", "EXITED", "BACKOFF"])
def test_what_does_not_run_cannot_hang(state: str) -> None:
    scene = Scene()
    scene.beats["relay"] = 1
    assert not any(scene.look(ProcessState("relay", state, 7)) for _ in range(100))


def test_the_successor_is_given_its_own_time() -> None:
    scene = Scene()
    scene.beats["relay"] = 1
    for _ in range(30):
        assert not scene.look(running("relay"))
    assert scene.seconds_until_hung(running("relay", pid=8)) == LIMIT + LOOK


def test_it_is_told_once_and_then_counted_anew() -> None:
    scene = Scene()
    scene.seconds_until_hung(running())
    assert scene.look(running()) == []
    assert scene.seconds_until_hung(running()) >= LIMIT - LOOK


def test_time_in_which_the_guard_stood_still_is_nobodys_silence() -> None:
    scene = Scene()
    scene.beats["relay"] = 1
    scene.look(running("relay"))
    scene.now += 3600  # the whole container was frozen
    assert scene.look(running("relay")) == []


BEGAN = 1_800_000_000


@pytest.mark.parametrize(("beat_after", "patience"), [(-0.5, 30.0), (0.9, 30.0), (1.0, 5.0), (20.0, 5.0)])
def test_with_a_short_limit_a_process_still_has_its_time_up_to_the_first_beat(
    beat_after: float, patience: float
) -> None:
    scene = Scene()
    scene.watch = HangWatch(5.0)
    scene.beats["relay"] = BEGAN * 10**9 + int(beat_after * 10**9)
    process = ProcessState("relay", "RUNNING", pid=7, started_at=BEGAN)
    assert patience < scene.seconds_until_hung(process) <= patience + LOOK


def test_a_beat_that_was_seen_ends_that_time() -> None:
    scene = Scene()
    scene.watch = HangWatch(5.0)
    process = ProcessState("relay", "RUNNING", pid=7, started_at=BEGAN)
    scene.look(process)
    scene.beats["relay"] = 1  # by a clock that was set back
    assert scene.seconds_until_hung(process) == 6.0
