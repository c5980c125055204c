"""Changes the number of consumers in a running container, and sees it through."""

import time
from collections.abc import Callable, Sequence
from typing import Protocol

from taskmanager.infrastructure.consumer_count import ConsumerCount
from taskmanager.infrastructure.supervisor import RUNNING, STOPPED, ProcessState

_LOOK_SECONDS = 0.1


class TooMany(Exception):  # noqa: N818
    """More consumers are asked for than there are slots; the text tells the remedy."""


class NotReached(Exception):  # noqa: N818
    """The consumers were not as they are to be in time; the text tells which."""


class Processes(Protocol):
    """supervisord's processes."""

    def processes(self) -> Sequence[ProcessState]:
        """All of them; may raise `SupervisorError`."""


class Scaling:
    """The consumers of one container: how many run, and how many are to run."""

    def __init__(
        self,
        supervisor: Processes,
        count: ConsumerCount,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._supervisor = supervisor
        self._count = count
        self._clock = clock
        self._sleep = sleep

    def slots(self) -> list[ProcessState]:
        """The declared consumers, in the order of their slots; raises `SupervisorError`."""
        consumers = [process for process in self._supervisor.processes() if process.consumer_slot is not None]
        return sorted(consumers, key=lambda process: process.consumer_slot or 0)

    def scale(self, wanted: int, wait: float) -> float:
        """Asks the guard for `wanted` consumers, and returns when exactly the first `wanted` slots run.

        Answers how many seconds that took. Raises `TooMany` before anything has changed, `NotReached` after `wait`
        seconds, `OSError` where the number cannot be written, and `SupervisorError`.
        """
        slots = len(self.slots())
        if wanted > slots:
            raise TooMany(
                f"{wanted} consumers are more than the {slots} that this container may have: "
                "start it with a larger CONSUMER_SLOTS"
            )
        began = self._clock()
        self._count.write(wanted)
        while missing := [process for process in self.slots() if process.state != _state_wanted(process, wanted)]:
            if self._clock() - began >= wait:
                states = ", ".join(f"{process.name} is {process.state}" for process in missing)
                raise NotReached(f"after {wait:g} s {states}; the guard goes on with it")
            self._sleep(_LOOK_SECONDS)
        return self._clock() - began


def _state_wanted(process: ProcessState, wanted: int) -> str:
    return RUNNING if (process.consumer_slot or 0) < wanted else STOPPED
