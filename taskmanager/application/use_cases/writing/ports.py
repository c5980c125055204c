"""What writing in groups needs of the store."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import NamedTuple, Protocol

from taskmanager.application.changes import Changes
from taskmanager.application.ports import Serialised
from taskmanager.application.use_cases.writing.unit import Claim, IdempotencyKey, StoredAnswer
from taskmanager.domain.status import TaskStatus
from taskmanager.domain.task import WebCrawlTask


class KeptAnswer(NamedTuple):
    """The answer that belongs to a claim, until it expires."""

    claim: Claim
    answer: StoredAnswer
    expires_at: datetime


class Found(NamedTuple):
    """What a transaction found: the tasks, which it has locked, and the answers that are kept."""

    tasks: Mapping[str, WebCrawlTask]
    kept: Mapping[IdempotencyKey, KeptAnswer]


class IntentTransaction(Protocol):
    """One transaction of the write path: `look`, decide, `commit`; what it does not commit is rolled back."""

    async def look(self, task_ids: Sequence[str], keys: Sequence[IdempotencyKey], now: datetime) -> Found:
        """Locks the tasks of these ids and looks for the answers of these keys (both sorted).

        Keys that have expired by `now` are freed.
        """

    async def commit(self, serialised: Serialised) -> None:
        """Writes everything and commits; returns only when it is durable, whatever became of the connection."""


class IntentStore(Protocol):
    """Where the changes go. Every method that does I/O may raise a `StoreError`; nothing was written then, unless its
    kind is `UNKNOWN`.

    Of two writers of one idempotency key the second gets a `StoreConflict`.
    """

    def serialise(self, changes: Changes, answers: Sequence[KeptAnswer]) -> Serialised:
        """Does ahead of a transaction what needs no store; the changes must not change any more."""

    async def write_new(self, serialised: Serialised) -> None:
        """A whole transaction at once, for changes that only create: raises `StoreConflict` where a task or a key is
        there already."""

    def transaction(self) -> AbstractAsyncContextManager[IntentTransaction]:
        """A new transaction; one at a time."""

    async def make_room(self) -> int:
        """See `EventLog.make_room`."""


class GroupObserver(Protocol):
    """Where groups are counted."""

    def committed(self, units: int, seconds: float) -> None:
        """A group of so many units took so long from its first look to its COMMIT."""

    def settled(self, status: TaskStatus, seconds: Sequence[float]) -> None:
        """Tasks came to their end; how long they took."""

    def replayed(self) -> None:
        """A request was answered as an earlier one with its key."""

    def overloaded(self) -> None:
        """A unit was refused because too much was waiting."""
