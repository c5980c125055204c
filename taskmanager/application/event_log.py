"""Reading the event log in order while writers append to it."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from taskmanager.domain.events import TaskEvent

_BUSY_SECONDS = 0.005
_IDLE_SECONDS = 0.2
_PAGE = 5000
_PROBE = 100


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
        """The first events behind number `after` in one snapshot, in order, without leaving out a visible one.

        At least one if there are any, at most `limit`, and fewer where they are large.
        """

    async def writers(self) -> frozenset[LogWriter]:
        """Who holds a writer's lock on the log right now, prepared transactions included."""


class HighWaterReader:
    """Hands out each event behind `position` once, in order, and none while a lower number may yet appear.

    Numbers are drawn in order but become visible out of order, and those of rolled-back transactions never do. A writer
    holds its lock on the log before it draws a number and until its transaction has ended. So whoever holds the lock
    after a snapshot has shown a gap is suspect of filling it; when all of them have let go, a later snapshot tells what
    is dead. Nobody else is waited for. `position` is the high-water mark: every number up to it was handed out, or
    handled before, or will never exist. Who fails to handle what `next` has answered makes a new reader.
    """

    def __init__(self, source: EventLogSource, position: int, *, limit: int = _PAGE) -> None:
        self._source = source
        self._limit = limit
        self._position = position
        self._is_blocked = False
        self._settled = 0  # what a snapshot from now on does not show up to here is dead
        self._ceiling = 0  # the suspects are those of every gap below
        self._suspects: frozenset[LogWriter] = frozenset()

    @property
    def position(self) -> int:
        """The high-water mark."""
        return self._position

    async def next(self) -> Sequence[LoggedEvent]:
        """The next events, at most `limit`; none if there are none yet, or while an earlier one may be under way.

        Never waits. After a `StoreError` the reader stands where it stood and can be asked again.
        """
        while True:
            # Whatever lies behind a gap would be read in vain again and again.
            limit = min(_PROBE, self._limit) if self._is_blocked else self._limit
            events = await self._source.read(self._position, limit)
            if ready := self._in_order(events):
                self._position = ready[-1].seq
                self._is_blocked = False
            elif events:
                self._is_blocked = not await self._is_settled(events[-1].seq)
                if not self._is_blocked:
                    continue
            return ready

    def _in_order(self, events: Sequence[LoggedEvent]) -> Sequence[LoggedEvent]:
        """Those before the first gap that is not settled."""
        if not events or events[-1].seq - self._position == len(events) or events[-1].seq <= self._settled:
            return events
        expected = self._position + 1
        for index, event in enumerate(events):
            if event.seq > max(expected, self._settled):
                return events[:index]
            expected = event.seq + 1
        return events

    async def _is_settled(self, last_seen: int) -> bool:
        """Whether nobody is left who could fill the gap behind the position, which a snapshot has just shown."""
        holders = await self._source.writers()
        if self._ceiling <= self._position:
            self._ceiling, self._suspects = last_seen, holders
        else:
            # A suspect has another name once it is prepared and the server was restarted.
            self._suspects = self._suspects & holders | {writer for writer in holders if writer.is_prepared}
        if not self._suspects:
            self._settled = self._ceiling
        return not self._suspects


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
