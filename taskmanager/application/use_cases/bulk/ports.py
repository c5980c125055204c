"""What operations on many tasks need of the store."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import NamedTuple, Protocol

from taskmanager.application.bulk_model import Operation, OperationState, Order, Tally
from taskmanager.application.changes import Changes
from taskmanager.application.ports import Serialised, WriteTransaction
from taskmanager.application.task_lists import Position
from taskmanager.application.use_cases.writing.unit import Claim
from taskmanager.domain.task import WebCrawlTask
from taskmanager.domain.values import UserEmail


class Limits(NamedTuple):
    """How many tasks are looked at in one go, and how many of them are taken."""

    walk: int = 5000
    tasks: int = 500

    def halved(self) -> "Limits":
        """For a database that does not get done with so many."""
        return Limits(max(self.walk // 2, 1), max(self.tasks // 2, 1))

    def doubled(self, most: "Limits") -> "Limits":
        """For one that does."""
        return Limits(min(self.walk * 2, most.walk), min(self.tasks * 2, most.tasks))


class Begun(NamedTuple):
    """An operation, and the digest of the request that began it, if that had a name."""

    operation: Operation
    digest: str | None


class Operations(Protocol):
    """Where operations are kept; every method may raise a `StoreError`, and sees those of an `owner` alone."""

    async def begin(
        self, operation_id: str, order: Order, claim: Claim | None, now: datetime, *, open_max: int
    ) -> Begun | None:
        """Keeps a new operation, or answers the one that was begun with this claim's name.

        None where the actor has `open_max` or more that are not over.
        """

    async def find(self, operation_id: str, owner: UserEmail | None) -> Operation | None:
        """The operation of this id."""

    async def page(self, owner: UserEmail | None, before: str | None, limit: int) -> Sequence[Operation]:
        """The newest `limit`, of those with a smaller id than `before` if that is given, newest first."""

    async def cancel(self, operation_id: str, owner: UserEmail | None, now: datetime) -> Operation | None:
        """Ends the operation; None if it is not there, or over."""


class TasksFound(NamedTuple):
    """The tasks that match in a stretch, in no particular state of being locked; `end` None where none is left."""

    tasks: Sequence[WebCrawlTask]
    end: Position | None


class SelectedTasks(Protocol):
    """Where tasks are looked at without being changed."""

    async def found(self, order: Order, before: datetime, behind: Position | None, limits: Limits) -> TasksFound:
        """The next tasks of an order behind a position; may raise a `StoreError`."""


class IdsFound(NamedTuple):
    """The sorted ids of the tasks that match in a stretch; `end` None where none is left."""

    ids: Sequence[str]
    end: Position | None


class Progress(NamedTuple):
    """How a transaction moves an operation on."""

    operation_id: str
    state: OperationState
    position: Position | None
    tally: Tally
    now: datetime


class ChunkTransaction(WriteTransaction, Protocol):
    """A transaction of the write path: `take`, `found`, `load`, `commit`; what it does not commit is rolled back."""

    async def take(self) -> Operation | None:
        """Locks the open operation that was not advanced for the longest time and that nobody else is at."""

    async def found(self, operation: Operation, limits: Limits) -> IdsFound:
        """The next tasks of the operation, not locked yet."""


class ChunkStore(Protocol):
    """Where operations are advanced, together with their tasks; every method with I/O may raise a `StoreError`."""

    def serialise(self, changes: Changes, progress: Progress) -> Serialised:
        """Does what needs no store; the changes must not change any more."""

    def transaction(self) -> AbstractAsyncContextManager[ChunkTransaction]:
        """A new transaction; one at a time."""

    async def postpone(self, operation_id: str, now: datetime) -> None:
        """Puts an operation behind all others that are not over."""

    async def fail(self, operation_id: str, failure: str, now: datetime) -> None:
        """Ends an operation that is not over."""

    async def make_room(self) -> int:
        """See `EventLog.make_room`."""
