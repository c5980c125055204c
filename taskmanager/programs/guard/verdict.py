"""When a container is beyond help: the decision, without any I/O."""

from collections import defaultdict, deque
from dataclasses import dataclass

# The state that supervisord enters when a process ended by itself, after (EXITED) or before (BACKOFF) its startsecs.
_ENDED = frozenset({"EXITED", "BACKOFF"})


@dataclass(frozen=True, slots=True)
class StateChange:
    """A process entered a state of supervisord's."""

    process: str
    state: str


@dataclass(frozen=True, slots=True)
class Limits:
    """`max_exits` exits within `window` seconds, each at most `young` seconds after its start, are too many.

    So are as many ends for silence, each after `hang` seconds, within twice the time that they take at least.
    """

    max_exits: int
    window: float
    young: float
    hang: float

    @property
    def hang_window(self) -> float:
        """The time in which ends for silence are counted, in seconds."""
        return max(self.window, 2 * self.max_exits * self.hang)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why the container has to end."""

    process: str
    reason: str


class CrashWatch:
    """Follows the state changes of all processes in the order in which they happened."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._started: dict[str, float] = {}
        self._exits: defaultdict[str, deque[float]] = defaultdict(deque)
        self._hangs: defaultdict[str, deque[float]] = defaultdict(deque)

    def observe(self, change: StateChange, now: float) -> Verdict | None:
        """Takes a change at `now` (seconds of any clock that does not go back); a verdict means: end the container."""
        if change.state == "STARTING":
            self._started[change.process] = now
        elif change.state == "FATAL":
            return Verdict(change.process, "supervisord gave up starting it (FATAL)")
        elif change.state in _ENDED:
            return self._ended(change.process, now)
        return None

    def hung(self, process: str, now: float) -> Verdict | None:
        """Takes that a process had to be killed because it hung, at `now`."""
        limits = self._limits
        count = _counted(self._hangs[process], now, limits.hang_window)
        if count < limits.max_exits:
            return None
        return Verdict(process, f"it hung {count} times within {limits.hang_window:g} s")

    def _ended(self, process: str, now: float) -> Verdict | None:
        limits = self._limits
        if now - self._started.get(process, now) > limits.young:
            return None
        count = _counted(self._exits[process], now, limits.window)
        if count < limits.max_exits:
            return None
        return Verdict(
            process, f"it ended {count} times within {limits.window:g} s, each within {limits.young:g} s of its start"
        )


def _counted(times: deque[float], now: float, window: float) -> int:
    times.append(now)
    while now - times[0] > window:
        times.popleft()
    return len(times)
