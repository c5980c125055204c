"""The guard as a whole, between a supervisord that is played and the run directory."""

import asyncio
import json
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from taskmanager.infrastructure.supervisor import ProcessState, SupervisorError, SupervisorStopping
from taskmanager.programs.guard.application import VERDICT_FILE, GuardApplication
from taskmanager.programs.guard.verdict import Limits

HUNG = ProcessState("relay", "RUNNING", 7)


class Looks:
    """What each look comes to; the last one is repeated. `enough` is set once `count` looks were made."""

    def __init__(self, *outcomes: Sequence[ProcessState] | Exception, count: int) -> None:
        self.outcomes = list(outcomes)
        self.left = count
        self.enough = asyncio.Event()
        self.loop = asyncio.get_running_loop()

    def __call__(self) -> Sequence[ProcessState]:
        self.left -= 1
        if self.left <= 0:
            self.loop.call_soon_threadsafe(self.enough.set)
        outcome = self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


Watch = Callable[..., object]


@pytest.fixture
def killed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """The signals that were sent."""
    signals: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "kill", lambda pid, number: signals.append((pid, number)))
    return signals


@pytest.fixture
def beats() -> list[None]:
    return []


@pytest.fixture
def watch(tmp_path: Path, killed: list[tuple[int, int]], beats: list[None]) -> Iterator[Watch]:
    """Runs a guard until it has looked often enough."""
    reading, writing = os.pipe()

    async def run(looks: Looks) -> None:
        limits = Limits(max_exits=2, window=60, young=10, hang=5)
        guard = GuardApplication(
            limits, looks, lambda: beats.append(None), protocol=writing, run_directory=tmp_path, look_seconds=0.001
        )
        working = asyncio.create_task(guard.wait())
        await looks.enough.wait()
        await guard.stop()
        await asyncio.wait_for(working, 10)

    yield run
    os.close(reading)
    os.close(writing)


async def test_every_look_is_a_sign_of_life(watch: Watch, beats: list[None]) -> None:
    await watch(Looks((), count=5))
    assert len(beats) >= 4


@pytest.mark.parametrize("error", [SupervisorError("no answer"), OSError("no room")])
async def test_a_guard_that_cannot_look_shows_no_life(watch: Watch, beats: list[None], error: Exception) -> None:
    await watch(Looks(error, count=5))
    assert beats == []


async def test_a_supervisord_that_stops_its_programs_is_no_trouble(watch: Watch, beats: list[None]) -> None:
    await watch(Looks(SupervisorStopping("on its way down"), count=5))
    assert len(beats) >= 4


async def test_a_program_that_hangs_too_often_ends_the_container(
    watch: Watch, tmp_path: Path, killed: list[tuple[int, int]]
) -> None:
    await watch(Looks([HUNG], (), [HUNG], (), count=8))
    verdict = json.loads((tmp_path / VERDICT_FILE).read_bytes())
    assert verdict == {"process": "relay", "reason": "it hung 2 times within 60 s"}
    assert killed == [(os.getppid(), signal.SIGTERM)]


async def test_a_program_that_hung_once_does_not(watch: Watch, tmp_path: Path, killed: list[tuple[int, int]]) -> None:
    await watch(Looks([HUNG], (), count=8))
    assert not (tmp_path / VERDICT_FILE).exists()
    assert killed == []
