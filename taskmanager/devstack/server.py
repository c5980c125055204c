"""What PostgreSQL and Kafka have in common, and how either is brought up and down."""

import time
from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from signal import Signals
from typing import Protocol

import psutil

from taskmanager.devstack.errors import StackError
from taskmanager.devstack.processes import inside, is_running, stop
from taskmanager.devstack.progress import Progress

_START_SECONDS = 60.0
_POLL_SECONDS = 0.03
_KEEP_LOG_BYTES = 16 * 1024 * 1024


class Answer(Enum):
    """What a server says when asked."""

    NONE = "down"
    UNFINISHED = "unfinished"  # it answers, but `finish` has not been carried through
    READY = "up"


class Server(Protocol):
    """One server of the stack."""

    @property
    def name(self) -> str:
        """Its name for people."""

    @property
    def home(self) -> Path:
        """The directory that all its processes work in."""

    @property
    def log(self) -> Path:
        """Where its output goes."""

    @property
    def executables(self) -> frozenset[str]:
        """The names of its programs."""

    @property
    def ports(self) -> tuple[int, ...]:
        """The ports that it listens on."""

    @property
    def stop_steps(self) -> Sequence[tuple[Signals, float]]:
        """Signals to end it, the gentlest first, each with the seconds to wait."""

    def ask(self) -> Answer:
        """Ask over the network whether this very server is there and serves."""

    def prepare(self, progress: Progress) -> None:
        """Make its data directory if need be, and write its configuration; the server is not running."""

    def start(self) -> psutil.Process:
        """Start it, without waiting until it is ready."""

    def finish(self) -> None:
        """Make what must be there besides the bare server; safe to repeat."""


def bring_up(server: Server, progress: Progress) -> None:
    """Leave the server ready, whatever state it was in. Raises StackError with the end of its log."""
    if server.ask() is Answer.READY or _adopt(server):
        return
    stop(inside(server.home, server.executables), server.stop_steps)
    server.prepare(progress)
    _keep_log_small(server.log)
    log_start = server.log.stat().st_size if server.log.exists() else 0
    began = time.monotonic()
    progress(f"starting {server.name}")
    process = server.start()
    if not _wait_until_ready(server, process):
        stop(inside(server.home, server.executables), server.stop_steps)
        raise StackError(
            f"{server.name} did not start. The end of {server.log}:\n{_tail(server.log, log_start)}\n"
            "Try again with: bin/stack up. If it fails again, start afresh with: bin/stack reset && bin/stack up"
        )
    progress(f"{server.name} is ready after {time.monotonic() - began:.1f} s")


def bring_down(server: Server, progress: Progress) -> None:
    """End every process of the server, cleanly if it lets us; nothing happens if there is none."""
    processes = inside(server.home, server.executables)
    if processes:
        progress(f"stopping {server.name}")
        stop(processes, server.stop_steps)


def _adopt(server: Server) -> bool:
    """Wait for a server that somebody started a moment ago, and finish its preparation."""
    processes = inside(server.home, server.executables)
    if not processes:
        return False
    try:
        age = time.time() - processes[0].create_time()
        if server.ask() is Answer.NONE and age > _START_SECONDS / 2:
            return False  # it has had its time: it hangs
        return _wait_until_ready(server, processes[0], _START_SECONDS / 2)
    except psutil.NoSuchProcess:
        return False


def _wait_until_ready(server: Server, process: psutil.Process, seconds: float = _START_SECONDS) -> bool:
    deadline = time.monotonic() + seconds
    while True:
        answer = server.ask()
        if answer is Answer.UNFINISHED:
            server.finish()
            answer = server.ask()
        if answer is Answer.READY:
            return True
        if not is_running(process) or time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)


def _keep_log_small(log: Path) -> None:
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists() and log.stat().st_size > _KEEP_LOG_BYTES:
        log.replace(log.with_suffix(".log.1"))


def _tail(log: Path, start: int, lines: int = 20) -> str:
    with log.open("rb") as file:
        file.seek(max(start, log.stat().st_size - 65_536))
        text = file.read().decode(errors="replace")
    return "\n".join(text.splitlines()[-lines:]) or "(it wrote nothing)"
