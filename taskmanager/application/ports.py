"""What the application needs of the outside world, and how that may fail."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any, NamedTuple, Protocol

import msgspec

from taskmanager.application.changes import Changes
from taskmanager.application.commands import Partition, Reject, ReportStatus
from taskmanager.domain.task import WebCrawlTask


class StoreError(Exception):
    """The store did not do what it was asked to; nothing of it has happened (but see `UNKNOWN`)."""


# The kind of a failure for want of a partition of the event log, which `EventLog.make_room` mends.
NO_ROOM = "room"
# The kind of a failure for want of a free connection of one's own, whatever the server is about.
BUSY = "busy"
# The kind of a failure at one of the server's own limits of time: it is there, but something is slow or in the way.
GIVEN_UP = "given_up"
# The kind of a failure because others were faster again and again.
CONTENDED = "conflict"
# The kind of the one failure after which something may have happened: nobody could be asked what became of a COMMIT.
UNKNOWN = "unknown"


class StoreUnavailable(StoreError):  # noqa: N818
    """It may work later: the server is away, overloaded, or not ready; `kind` is a class for metrics, such as 08."""

    def __init__(self, problem: str, kind: str = "connection") -> None:
        super().__init__(problem)
        self.kind = kind


class StoreConflict(StoreError):  # noqa: N818
    """Another transaction got in between: decide again on what is there now."""


class RowRefused(StoreError):  # noqa: N818
    """The database refuses a value; its text names the rule, never the value."""


class Fenced(StoreError):  # noqa: N818
    """Another owner has moved a partition's offset: the batch and everything fetched behind it are void."""


class OffsetClaim(NamedTuple):
    """The stored offset that a batch builds on."""

    topic: str
    partition: int
    topic_id: str
    start: int


class ParkedReport(NamedTuple):
    """A report that has waited for its task."""

    id: int
    report: ReportStatus


class Snapshot(msgspec.Struct, frozen=True):
    """What a transaction has locked: tasks by id, and parked reports by task in the order in which they came."""

    tasks: Mapping[str, WebCrawlTask]
    parked: Mapping[str, Sequence[ParkedReport]]


# Changes in the form in which a store takes them: nobody else looks inside.
Serialised = Any


class WriteTransaction(Protocol):
    """One transaction of the write path: `load`, decide, `commit`; it is rolled back where either fails."""

    async def load(self, claims: Sequence[OffsetClaim], task_ids: Sequence[str], parked_ids: Sequence[str]) -> Snapshot:
        """Claims the offsets and locks the tasks and parked reports of these ids (both sorted); may raise `Fenced`."""

    async def commit(self, serialised: Serialised) -> None:
        """Writes everything and commits; returns only when it is durable, whatever became of the connection."""


class TaskStore(Protocol):
    """Where tasks, events and offsets live. Every method that does I/O may raise a `StoreError`."""

    def serialise(self, changes: Changes) -> Serialised:
        """Does ahead of a transaction what needs no store; the changes must not change any more."""

    async def write_unseen(
        self, claims: Sequence[OffsetClaim], parked_ids: Sequence[str], serialised: Serialised
    ) -> bool:
        """A whole transaction at once, for changes that were decided without looking into the store.

        False, and nothing is written, if a parked report waits for one of these ids. Raises `StoreConflict` if a task
        that it would make exists, and what `load` and `commit` raise.
        """

    def transaction(self) -> AbstractAsyncContextManager[WriteTransaction]:
        """A new transaction; one at a time."""

    async def tasks_with_parked_reports(self, after: int, limit: int) -> tuple[int | None, Sequence[str]]:
        """Looks at the next `limit` parked reports behind the position `after`.

        Answers the last position looked at (None at the end) and the sorted ids of those tasks that exist by now.
        """

    async def bury_parked(self, parked_id: int, reject: Reject, now: datetime) -> bool:
        """Makes a parked report a dead letter with its message as it was; False where it is gone, or in use."""


class StoredOffset(NamedTuple):
    """How far a partition has been read, and of which incarnation of its topic."""

    topic_id: str
    next_offset: int


class OffsetStore(Protocol):
    """Where consumers begin."""

    async def register(self, partitions: Mapping[Partition, tuple[str, int]]) -> Mapping[Partition, StoredOffset]:
        """Makes rows for partitions that have none, beginning at the given (topic id, offset), and reads all back."""

    async def read(self, partitions: Sequence[Partition]) -> Mapping[Partition, StoredOffset]:
        """The rows of those partitions that have one."""


class Clock(Protocol):
    """The time."""

    def now(self) -> datetime:
        """Now, in UTC."""


class Pulse(Protocol):
    """The sign of life of a process that works on and on."""

    def beat(self) -> None:
        """Tells that the work goes on; to be called by the task that does it, also while it waits or tries again."""
