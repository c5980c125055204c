"""Looks after the processes: as many consumers as are wanted, and none that hangs."""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import structlog

from taskmanager.infrastructure.consumer_count import ConsumerCount
from taskmanager.infrastructure.supervisor import STOPPED, ProcessState
from taskmanager.programs.guard.hang import HangWatch
from taskmanager.programs.guard.slots import SlotPlan, Steps

_log = structlog.get_logger(__name__)

_ASK_SECONDS = 2.0
_HANDOVER_SECONDS = 1.0


class Processes(Protocol):
    """supervisord's processes; any method may raise `SupervisorError`."""

    def processes(self) -> Sequence[ProcessState]:
        """All of them."""

    def start(self, process: ProcessState) -> None:
        """Starts one."""

    def stop(self, process: ProcessState) -> None:
        """Stops one."""


class Watch:
    """One look at a time; `pulses` is the directory of the pulse files, `hang` the longest silence in seconds.

    `forget` is called with the name of each consumer that was stopped.
    """

    def __init__(
        self,
        supervisor: Processes,
        count: ConsumerCount,
        pulses: Path,
        *,
        hang: float,
        kill: Callable[[ProcessState, float], None],
        forget: Callable[[str], None] = lambda _name: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._supervisor = supervisor
        self._count = count
        self._pulses = pulses
        self._hang = hang
        self._kill = kill
        self._forget = forget
        self._stopped: frozenset[str] = frozenset()
        self._clock = clock
        self._plan = SlotPlan(handover=_HANDOVER_SECONDS)
        self._hangs = HangWatch(hang)
        self._settled_at: int | None = None
        self._ask_at = float("-inf")

    def look(self) -> Sequence[ProcessState]:
        """Starts, stops and kills what is due, and answers those that hung; blocking, raises `SupervisorError`.

        While all is as it should be it costs a look at the wanted number; supervisord is asked every 2 seconds.
        """
        now, wanted = self._clock(), self._count.read()
        if wanted == self._settled_at and now < self._ask_at:
            return ()
        processes = self._supervisor.processes()
        self._ask_at = now + _ASK_SECONDS
        self._forget_stopped(processes)
        wanted = self._possible(wanted, processes)
        steps = self._plan.steps(processes, wanted, now)
        self._take(steps, wanted)
        self._settled_at = wanted if steps.settled else None
        hung = self._hangs.hung(processes, _beats(self._pulses), now)
        for process in hung:
            self._kill(process, self._hang)
        return hung

    def _possible(self, wanted: int, processes: Sequence[ProcessState]) -> int:
        slots = sum(process.consumer_slot is not None for process in processes)
        if wanted <= slots:
            return wanted
        # Written past bin/scale. The consumers would leave the partitions of those alone that can never run.
        _log.error("more_consumers_wanted_than_slots", wanted=wanted, slots=slots, remedy="raise CONSUMER_SLOTS")
        self._count.write(slots)
        return slots

    def _forget_stopped(self, processes: Sequence[ProcessState]) -> None:
        # Nobody but this object starts them again.
        stopped = frozenset(
            process.name for process in processes if process.consumer_slot is not None and process.state == STOPPED
        )
        for name in stopped - self._stopped:
            self._forget(name)
        self._stopped = stopped

    def _take(self, steps: Steps, wanted: int) -> None:
        for process in steps.start:
            self._supervisor.start(process)
        for process in steps.stop:
            self._supervisor.stop(process)
        if steps.start or steps.stop:
            _log.info("consumers_scaled", wanted=wanted, started=len(steps.start), stopped=len(steps.stop))


def _beats(directory: Path) -> Mapping[str, int]:
    """When each pulse was last touched, by name of process; none where no process has a pulse yet."""
    beats: dict[str, int] = {}
    try:
        for path in directory.iterdir():
            beats[path.name] = path.stat().st_mtime_ns
    except FileNotFoundError:
        pass  # nobody has beaten yet
    return beats
