"""Reading the event log in order while writers append to it.

Numbers are drawn in order but become visible out of order, and those of rolled-back transactions never do. A reader
stops at a gap until it is filled or provably dead: a writer holds its lock on the log before it draws a number and until
its transaction has ended, so once everybody who held that lock after a snapshot showed the gap has let go of it, a later
snapshot shows all that will ever be there. Transactions that do not write to the log are never waited for.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from taskmanager.domain.events import TaskEvent

_BUSY_SECONDS = 0.005
_IDLE_SECONDS = 0.2


class LoggedEvent(NamedTuple):
    """A row of the event log; `seq` is its place in it, `data` the text of a JSON object."""

    seq: int
    task_id: str
    version: int
    type: str
    attempt: int
    occurred_at: datetime
    recorded_at: datetime
    data: str | None
    correlation_id: str | None
    actor: str | None
    source_topic: str | None
    source_partition: int | None
    source_offset: int | None
    traceparent: str | None
    tracestate: str | None


class UnreadableEvent(Exception):  # noqa: N818
    """A row that is no event of a known form; the text says why."""


# The domain's event for a logged one; raises `UnreadableEvent`.
EventDecoder = Callable[[LoggedEvent], TaskEvent]


class LogWriter(NamedTuple):
    """A transaction that may have drawn numbers which are not visible yet."""

    transaction: str
    is_prepared: bool


class EventLogSource(Protocol):
    """The event log as it is at one moment. Every method may raise a `StoreError`."""

    async def read(self, after: int, limit: int) -> Sequence[LoggedEvent]:
        """The first events behind number `after` in one snapshot, in order: at least one if any is visible, at most
        `limit`, and fewer where they are large."""

    async def writers(self) -> frozenset[LogWriter]:
        """Who holds a writer's lock on the log right now, prepared transactions included."""


class HighWaterReader:
    """Hands out each event behind `position` once, in order, and none whose predecessors may yet appear.

    `position` is the high-water mark: every number up to it was handed out by this reader, or had been handled before,
    or will never exist. What `next` has answered counts as handled: whoever fails to handle it makes a new reader.
    """

    def __init__(self, source: EventLogSource, position: int, *, limit: int = 5000) -> None:
        self._source = source
        self._limit = limit
        self.position = position

    async def next(self) -> Sequence[LoggedEvent]:
        """The next events, at most `limit`; none if there are none yet, or the next may still be under way.

        Never waits. After a `StoreError` the reader stands where it stood and can be asked again.
        """
        raise NotImplementedError


class AdaptivePause:
    """How long to wait between two looks: short while something comes, doubling up to the idle pause (seconds)."""

    def __init__(self, busy: float = _BUSY_SECONDS, idle: float = _IDLE_SECONDS) -> None:
        self._busy = busy
        self._idle = idle
        self._next = busy

    def after(self, *, found: bool) -> float:
        """The pause to make now, given whether the last look found something."""
        pause = self._busy if found else self._next
        self._next = min(pause * 2, self._idle)
        return pause
