"""When events come back."""

from threading import Event, Thread
from time import monotonic, sleep
from typing import Self

from loadtests.bench.committed_events import CommittedEvents, OrderCheck

_POLL_SECONDS = 0.05


class Arrivals:
    """Reads events in a thread of its own while the block lasts, and notes when each came."""

    def __init__(self, brokers: str, topic: str) -> None:
        self.at: dict[str, float] = {}
        self.order = OrderCheck()
        self._events = CommittedEvents(brokers, topic)
        self._stopping = Event()
        self._thread = Thread(target=self._read, name="arrivals")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()
        self._events.close()

    def await_count(self, count: int, patience: float) -> None:
        """Returns when so many have come, or none has for `patience` seconds."""
        last, moved = -1, monotonic()
        while self.order.total < count and monotonic() - moved < patience:
            if self.order.total != last:
                last, moved = self.order.total, monotonic()
            sleep(_POLL_SECONDS)

    def _read(self) -> None:
        while not self._stopping.is_set():
            for event_id, arrived in self._events.take(_POLL_SECONDS):
                self.order.came(event_id)
                self.at.setdefault(event_id, arrived)
