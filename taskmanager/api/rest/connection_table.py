"""All open connections of a process, and which of them must give way when there are too many."""

import time
from collections import Counter
from collections.abc import Callable, Mapping
from heapq import nsmallest
from typing import Generic, Protocol, TypeVar

from taskmanager.api.rest.addresses import network_of

# To look for idle connections is to look at all of them: so many are found at a time, and not more often than this.
_SHARE_TO_CLOSE = 100
_LOOK_AGAIN_SECONDS = 0.1


class Closable(Protocol):
    """A connection as the table sees it; `idle_since` is of the event loop's clock, `peer` an address."""

    idle_since: float
    peer: str

    @property
    def is_idle(self) -> bool:
        """Whether it has no request in hand."""

    def drop(self) -> None:
        """Ends it at once."""


_ConnectionT = TypeVar("_ConnectionT", bound=Closable)


class ConnectionTable(Generic[_ConnectionT]):
    """Keeps at most `most` connections, and `most_per_address` of one address (IPv6: /64; 0 sets no limit).

    A new one takes the place of the oldest that has not asked for anything yet, or else of those that have been idle
    for longest; where all are busy it is refused.
    """

    def __init__(self, most: int, most_per_address: int = 0, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._most_per_address = most_per_address
        self._clock = clock
        self._open: dict[_ConnectionT, None] = {}
        self._silent: dict[_ConnectionT, None] = {}  # have not asked yet, the oldest first
        self._of_address: Counter[str] = Counter()
        self._look_at = 0.0
        self._ended: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._open)

    def figures(self) -> Mapping[str, object]:
        """How many there are, have a request in hand, and may be; how many were ended for which reason."""
        busy = len(self._open) - len(self.idle())
        return {"open": len(self._open), "busy": busy, "limit": self._most, "ended": dict(self._ended)}

    def idle(self) -> list[_ConnectionT]:
        """Those without a request in hand."""
        return [connection for connection in self._open if connection.is_idle]

    def count(self, reason: str) -> None:
        """Counts a connection that was ended for a fixed word of a reason."""
        self._ended[reason] += 1

    def admit(self, connection: _ConnectionT) -> bool:
        """Takes a new connection in; False if there is no place for it."""
        if self._most_per_address:
            address = network_of(connection.peer)
            if self._of_address[address] >= self._most_per_address:
                self.count("refused_address")
                return False
            self._of_address[address] += 1
        if len(self._open) >= self._most and not self._make_room():
            self._release_address(connection)
            self.count("refused")
            return False
        self._open[connection] = self._silent[connection] = None
        return True

    def has_asked(self, connection: _ConnectionT) -> None:
        """Its first request is complete."""
        self._silent.pop(connection, None)

    def leave(self, connection: _ConnectionT) -> None:
        """It is gone; again, or without having been taken in, that does nothing."""
        if connection in self._open:
            del self._open[connection]
            self._silent.pop(connection, None)
            self._release_address(connection)

    def _make_room(self) -> bool:
        silent = next(iter(self._silent), None)
        if silent is not None:
            self._evict(silent)
            return True
        now = self._clock()
        if now < self._look_at:
            return False
        self._look_at = now + _LOOK_AGAIN_SECONDS
        share = max(self._most // _SHARE_TO_CLOSE, 1)
        for connection in (idlest := nsmallest(share, self.idle(), key=lambda idle: idle.idle_since)):
            self._evict(connection)
        return bool(idlest)

    def _evict(self, connection: _ConnectionT) -> None:
        self.count("gave_way")
        self.leave(connection)
        connection.drop()

    def _release_address(self, connection: _ConnectionT) -> None:
        if self._most_per_address:
            address = network_of(connection.peer)
            self._of_address[address] -= 1
            if not self._of_address[address]:
                del self._of_address[address]
