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
    """`max_exits` exits within `window` seconds, each at most `young` seconds after its start, are too many."""

    max_exits: int
    window: float
    young: float


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

    def observe(self, change: StateChange, now: float) -> Verdict | None:
        """Takes a change at `now` (seconds of any clock that does not go back); a verdict means: end the container."""
        if change.state == "STARTING":
            self._started[change.process] = now
        elif change.state == "FATAL":
            return Verdict(change.process, "supervisord gave up starting it (FATAL)")
        elif change.state in _ENDED:
            return self._ended(change.process, now)
        return None

    def _ended(self, process: str, now: float) -> Verdict | None:
        limits = self._limits
        if now - self._started.get(process, now) > limits.young:
            return None
        exits = self._exits[process]
        exits.append(now)
        while now - exits[0] > limits.window:
            exits.popleft()
        if len(exits) < limits.max_exits:
            return None
        return Verdict(
            process,
            f"it ended {len(exits)} times within {limits.window:g} s, each within {limits.young:g} s of its start",
        )
