"""Windows of decent clients, with and without an attack going on beside them, in turn."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median

import msgspec
import psutil

from loadtests.bench.abuse import attacks, probe

_MARGIN_SECONDS = 60.0
_MB = 1024 * 1024

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """How many pairs of windows, how long one lasts, and how long the attack goes on before it is looked at."""

    rounds: int
    seconds: float
    lead_seconds: float


@dataclass(slots=True)
class Figures:
    """What came of it; memory is the server's resident set in MB, `peak` the largest one seen under attack."""

    quiet: list[probe.Window] = field(default_factory=list)
    attacked: list[probe.Window] = field(default_factory=list)
    tolls: list[attacks.Toll] = field(default_factory=list)
    memory_before: float = 0.0
    memory_peak: float = 0.0

    def document(self) -> dict[str, object]:
        """The medians, and how many times as long it takes under attack."""
        quiet, attacked = (_medians(windows) for windows in (self.quiet, self.attacked))
        return {
            "quiet": quiet,
            "attacked": attacked,
            "ratio": {name: round(attacked[name] / quiet[name], 2) for name in quiet},
            "memoryMb": {"before": round(self.memory_before, 1), "peak": round(self.memory_peak, 1)},
            "attacks": [msgspec.to_builtins(toll) for toll in self.tolls],
        }


def _medians(windows: list[probe.Window]) -> dict[str, float]:
    return {
        "p50Ms": round(median(window.p50_ms for window in windows), 3),
        "p99Ms": round(median(window.p99_ms for window in windows), 3),
    }


def measure(port: int, server: psutil.Process, target: str, plan: Plan, say: Say) -> Figures:
    """Measures GET `target` on the server at `port` of loopback; raises `RuntimeError` if a client of ours failed."""
    figures = Figures()
    _window(port, target, plan.seconds)  # warms up
    figures.memory_before = _resident(server)
    for number in range(plan.rounds):
        figures.quiet.append(_window(port, target, plan.seconds))
        with _attack(port, figures.tolls):
            _window(port, target, plan.lead_seconds)
            figures.attacked.append(_window(port, target, plan.seconds))
            figures.memory_peak = max(figures.memory_peak, _resident(server))
        say(
            f"round {number + 1} of {plan.rounds}: p99 {figures.quiet[-1].p99_ms:.2f} ms,"
            f" under attack {figures.attacked[-1].p99_ms:.2f} ms"
        )
    return figures


def _resident(server: psutil.Process) -> float:
    return float(server.memory_info().rss) / _MB


def _window(port: int, target: str, seconds: float) -> probe.Window:
    done = subprocess.run(
        [sys.executable, "-m", "loadtests.bench.abuse.probe"],
        input=msgspec.json.encode(probe.Job(port, target, seconds)),
        stdout=subprocess.PIPE,
        timeout=seconds + _MARGIN_SECONDS,
        check=False,
    )
    if done.returncode:
        raise RuntimeError("the decent clients failed")
    return msgspec.json.decode(done.stdout, type=probe.Window)


@contextmanager
def _attack(port: int, tolls: list[attacks.Toll]) -> Iterator[None]:
    """An attack that goes on while the block lasts; its toll is appended."""
    process = subprocess.Popen(
        [sys.executable, "-m", "loadtests.bench.abuse.attacks"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin is not None
    try:
        process.stdin.write(msgspec.json.encode(attacks.Job(port)) + b"\n")
        process.stdin.flush()
        yield
        told, _ = process.communicate(timeout=_MARGIN_SECONDS)
        if process.returncode:
            raise RuntimeError("the attack failed")
        tolls.append(msgspec.json.decode(told, type=attacks.Toll))
    finally:
        process.kill()
        process.wait()
