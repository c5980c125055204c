"""Which processes hang: the decision, without any I/O."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from taskmanager.infrastructure.supervisor import RUNNING, ProcessState

# More than passes between two looks. Time in which the guard itself stood still says nothing about the others.
_LONGEST_LOOK_SECONDS = 5.0
# A process that has only just been started on a busy machine may need long for its first sign of life, and killing it
# would make the machine busier.
_START_SECONDS = 30.0


@dataclass(slots=True)
class _Silence:
    pid: int
    beat: int
    has_beaten: bool = False
    seconds: float = 0.0


class HangWatch:
    """Adds up how long each running process has been silent, counted from its start or from its last beat.

    `limit` is the longest silence in seconds; until its first beat a process has 30 seconds, if that is more. Consumers
    and the relay are watched from their start, any other process once it has a pulse.
    """

    def __init__(self, limit: float) -> None:
        self._limit = limit
        self._silences: dict[str, _Silence] = {}
        self._looked_at: float | None = None

    def hung(self, processes: Iterable[ProcessState], beats: Mapping[str, int], now: float) -> list[ProcessState]:
        """Those that were silent for longer than the limit, by now; each is told once and then counted anew.

        `beats` tells by name of process when its pulse was last touched, in nanoseconds of Unix time. That clock may be
        set: how long ago a beat was is never asked, only whether there was another one.
        """
        elapsed = 0.0 if self._looked_at is None else min(now - self._looked_at, _LONGEST_LOOK_SECONDS)
        self._looked_at = now
        running = {process.name: process for process in processes if process.state == RUNNING}
        watched = {name: process for name, process in running.items() if name in beats or _is_worker(process)}
        self._silences = {
            name: self._listened(process, beats.get(name, 0), elapsed) for name, process in watched.items()
        }
        hung = [process for name, process in watched.items() if self._is_too_long(self._silences[name])]
        for process in hung:
            self._silences[process.name].seconds = 0.0
        return hung

    def _listened(self, process: ProcessState, beat: int, elapsed: float) -> _Silence:
        known = self._silences.get(process.name)
        if known is None or known.pid != process.pid:
            return _Silence(process.pid, beat, has_beaten=_is_its_own(beat, process))
        if known.beat != beat:
            return _Silence(process.pid, beat, has_beaten=True)
        known.seconds += elapsed
        return known

    def _is_too_long(self, silence: _Silence) -> bool:
        return silence.seconds > (self._limit if silence.has_beaten else max(self._limit, _START_SECONDS))


def _is_its_own(beat: int, process: ProcessState) -> bool:
    """Whether the last beat is not that of the process before; the start is known in whole seconds."""
    return beat >= (process.started_at + 1) * 1_000_000_000


def _is_worker(process: ProcessState) -> bool:
    return process.consumer_slot is not None or process.name == "relay"
