"""What the demo tells about itself from moment to moment."""

from collections import deque
from dataclasses import dataclass

from taskmanager.programs.demo.accounting import STATUSES
from taskmanager.programs.demo.progress import Progress

_WINDOW_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Figures:
    """A moment of the run; rates are messages a second over the last few seconds."""

    phase: str
    seconds: float
    sent: int
    sent_rate: float
    ingested_rate: float
    progress: Progress | None
    retried: int = 0
    consumers: int = 0
    addresses: tuple[tuple[str, str], ...] = ()

    def line(self) -> str:
        """All of it on one line, for logs and pipes."""
        words = [f"[{self.seconds:6.1f} s] {self.phase}: sent {self.sent}"]
        if self.progress is not None:
            tasks = " ".join(f"{status} {self.progress.tasks.get(status, 0)}" for status in STATUSES)
            words.append(f"read {self.ingested_rate:.0f}/s, lag {self.progress.lag}")
            words.append(f"tasks: {tasks}")
            words.append(f"parked {self.progress.parked}, dead letters {self.progress.dead_letters}")
            words.append(f"published to {self.progress.published}, backlog {self.progress.backlog}")
            words.append(f"retried {self.retried}, expired {self.progress.expired}")
            words.append(f"consumers {self.consumers}")
        return " | ".join(words)


class Rate:
    """The slope of a counter over the last seconds."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, int]] = deque()

    def add(self, at: float, count: int) -> float:
        """Takes the counter's value at a time (seconds) and returns the change per second; 0 for the first."""
        self._samples.append((at, count))
        while len(self._samples) > 2 and self._samples[0][0] < at - _WINDOW_SECONDS:
            self._samples.popleft()
        began, first = self._samples[0]
        return max(0.0, (count - first) / (at - began)) if at > began else 0.0
