"""The server layer as its callers see it: real processes, real signals, exit codes, and the lines they print."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from taskmanager.server import ExitCode

SCENARIO = Path(__file__).with_name("scenario.py")
ROOT = Path(__file__).parents[3]
LONG = 60.0
SHORT = 0.3


class Running:
    def __init__(self, scenario: str, grace: float) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(SCENARIO), scenario, str(grace)],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        self.lines: list[dict[str, Any]] = []

    def read_until(self, event: str) -> dict[str, Any]:
        assert self.process.stdout
        for text in self.process.stdout:
            self.lines.append(json.loads(text))
            if self.lines[-1]["event"] == event:
                return self.lines[-1]
        raise AssertionError(f"ended without {event!r}: {self.events}")

    def finish(self) -> int:
        assert self.process.stdout
        self.lines.extend(json.loads(text) for text in self.process.stdout)
        return self.process.wait()

    @property
    def events(self) -> list[str]:
        return [line["event"] for line in self.lines]


@pytest.fixture
def run() -> Iterator[Any]:
    started: list[Running] = []

    def begin(scenario: str, grace: float = LONG) -> Running:
        started.append(Running(scenario, grace))
        return started[-1]

    yield begin
    for running in started:
        running.process.kill()
        running.process.wait()
        if running.process.stdout:
            running.process.stdout.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_drains_and_ends_with_ok(run: Any, number: signal.Signals) -> None:
    running = run("Idle")
    running.read_until("started")
    running.process.send_signal(number)
    assert running.finish() == ExitCode.OK
    expected = ["starting", "start on uvloop", "started", "stopping", "drained", "stopped", "telemetry stopped"]
    assert running.events == expected
    assert running.lines[3]["reason"] == number.name
    assert running.lines[5]["exit_code"] == 0


def test_work_that_ends_by_itself_is_drained_and_ends_with_ok(run: Any) -> None:
    running = run("EndsByItself")
    assert running.finish() == ExitCode.OK
    assert running.events[-3:] == ["drained", "stopped", "telemetry stopped"]
    assert running.lines[-4]["reason"] == "work_ended"


def test_the_work_in_hand_is_finished_not_cancelled(run: Any) -> None:
    running = run("WaitsForItsTask")
    running.read_until("started")
    running.process.send_signal(signal.SIGTERM)
    assert running.finish() == ExitCode.OK
    assert "batch finished" in running.events


@pytest.mark.parametrize(
    ("scenario", "event", "error"),
    [
        ("WorkFails", "work_failed", "RuntimeError"),
        ("WorkIsCancelledFromInside", "work_failed", "CancelledError"),
        ("StartFails", "start_failed", "ValueError"),
    ],
)
def test_a_failure_is_told_drained_and_ends_with_internal(run: Any, scenario: str, event: str, error: str) -> None:
    running = run(scenario)
    line = running.read_until(event)
    assert line["level"] == "error"
    assert line["exception"][0]["exc_type"] == error
    assert running.finish() == ExitCode.INTERNAL
    assert running.events[-3:] == ["drained", "stopped", "telemetry stopped"]


def test_an_application_that_cannot_be_built_ends_with_internal(run: Any) -> None:
    running = run("BuildFails")
    assert running.finish() == ExitCode.INTERNAL
    assert running.events == ["starting", "start_failed", "telemetry stopped"]


def test_a_dependency_that_is_away_at_the_start_is_temporary(run: Any) -> None:
    running = run("DependencyAway")
    assert running.finish() == ExitCode.TEMPORARY
    assert running.events[-2:] == ["stopped", "telemetry stopped"]


@pytest.mark.parametrize(("scenario", "event"), [("StopFails", "stop_failed"), ("FailsWhileDraining", "work_failed")])
def test_a_drain_that_fails_ends_with_internal(run: Any, scenario: str, event: str) -> None:
    running = run(scenario)
    running.read_until("started")
    running.process.send_signal(signal.SIGTERM)
    assert running.finish() == ExitCode.INTERNAL
    assert event in running.events


def test_a_signal_during_the_start_cancels_it_and_closes_what_was_opened(run: Any) -> None:
    running = run("StartHangs")
    running.read_until("starting up")
    running.process.send_signal(signal.SIGTERM)
    assert running.finish() == ExitCode.OK
    assert running.events[-3:] == ["drained", "stopped", "telemetry stopped"]


@pytest.mark.parametrize("scenario", ["StopHangs", "StopBlocksTheLoop", "LeavesAThread"])
def test_a_drain_that_takes_too_long_is_ended_by_its_alarm(run: Any, scenario: str) -> None:
    running = run(scenario, SHORT)
    running.read_until("started")
    running.process.send_signal(signal.SIGTERM)
    assert running.finish() == ExitCode.DRAIN_TIMEOUT
    assert running.lines[-1] | {"timestamp": "", "pid": 0} == {
        "timestamp": "",
        "level": "error",
        "event": "drain_timed_out",
        "logger": "taskmanager.server",
        "process": "scenario",
        "pid": 0,
        "exit_code": 124,
    }


@pytest.mark.parametrize("scenario", ["StopHangs", "StopBlocksTheLoop"])
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, ExitCode.TERMINATED), (signal.SIGINT, ExitCode.INTERRUPTED)]
)
def test_a_second_signal_ends_the_process_at_once(run: Any, scenario: str, number: signal.Signals, code: int) -> None:
    running = run(scenario)
    running.read_until("started")
    running.process.send_signal(signal.SIGTERM)
    running.read_until("draining")
    running.process.send_signal(number)
    assert running.finish() == code
    assert running.events[-1] == "ended_by_second_signal"


def test_an_error_that_nobody_waits_for_is_logged(run: Any) -> None:
    running = run("BackgroundTaskFails")
    line = running.read_until("unhandled_error")
    assert line["exception"][0]["exc_value"] == "nobody waits for me"
    assert running.finish() == ExitCode.OK


def test_telemetry_that_cannot_start_does_not_stop_the_service(run: Any) -> None:
    running = run("BrokenTelemetry")
    assert running.finish() == ExitCode.OK
    assert running.events[0] == "telemetry_start_failed"
    assert "drained" in running.events
