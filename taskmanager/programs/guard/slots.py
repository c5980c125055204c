"""Which of the declared consumers are to run: the decision, without any I/O."""

from collections.abc import Iterable
from dataclasses import dataclass

from taskmanager.infrastructure.supervisor import RUNNING, STOPPED, ProcessState

_ENDABLE = frozenset({RUNNING, "STARTING", "BACKOFF"})


@dataclass(frozen=True, slots=True)
class Steps:
    """What is to be done now; `settled` says that exactly the wanted consumers run and the others are stopped."""

    start: tuple[ProcessState, ...]
    stop: tuple[ProcessState, ...]
    settled: bool


class SlotPlan:
    """Makes the first N slots run and no other.

    A slot that is not wanted any more is stopped `handover` seconds after the number has changed: until then it and the
    consumers that take over its partitions have seen the new number by themselves.
    """

    def __init__(self, *, handover: float) -> None:
        self._handover = handover
        self._wanted: int | None = None
        self._stop_at = 0.0

    def steps(self, processes: Iterable[ProcessState], wanted: int, now: float) -> Steps:
        """What leads from these states to `wanted` consumers, at `now` (seconds of a clock that does not go back)."""
        if wanted != self._wanted:
            # A guard that has only just begun does not know when the number changed, and need not wait.
            self._stop_at = now if self._wanted is None else now + self._handover
            self._wanted = wanted
        consumers = [(slot, process) for process in processes if (slot := process.consumer_slot) is not None]
        surplus = [process for slot, process in consumers if slot >= wanted]
        return Steps(
            # One that ended by itself is supervisord's to restart.
            start=tuple(process for slot, process in consumers if slot < wanted and process.state == STOPPED),
            stop=tuple(process for process in surplus if process.state in _ENDABLE) if now >= self._stop_at else (),
            settled=all(process.state == (RUNNING if slot < wanted else STOPPED) for slot, process in consumers),
        )
