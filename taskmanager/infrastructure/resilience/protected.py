"""Ports behind a circuit breaker; what is decorated knows nothing of it."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Generic, ParamSpec, TypeVar

from taskmanager.application.changes import Changes
from taskmanager.application.ports import OffsetStore, Serialised, TaskStore
from taskmanager.application.use_cases.make_room import EventLog
from taskmanager.infrastructure.postgres.pool import PoolUsage, Reads
from taskmanager.infrastructure.postgres.session import Row
from taskmanager.infrastructure.resilience.circuit_breaker import CircuitBreaker

_Arguments = ParamSpec("_Arguments")
_Answer = TypeVar("_Answer")
_Transaction = TypeVar("_Transaction")


class Protected(Generic[_Arguments, _Answer]):
    """A call, let through or refused by a breaker."""

    def __init__(self, inner: Callable[_Arguments, Awaitable[_Answer]], breaker: CircuitBreaker) -> None:
        self._inner = inner
        self._breaker = breaker

    async def __call__(self, *arguments: _Arguments.args, **named: _Arguments.kwargs) -> _Answer:
        """See the class."""
        with self._breaker.admission():
            return await self._inner(*arguments, **named)


class ProtectedTransactions(Generic[_Transaction]):
    """Transactions, each of which is one call: let through, or refused before it begins, and never halfway."""

    def __init__(self, inner: Callable[[], AbstractAsyncContextManager[_Transaction]], breaker: CircuitBreaker) -> None:
        self._inner = inner
        self._breaker = breaker

    @asynccontextmanager
    async def __call__(self) -> AsyncIterator[_Transaction]:
        """See the class."""
        with self._breaker.admission():
            async with self._inner() as transaction:
                yield transaction


class ProtectedTaskStore:
    """A `TaskStore`, let through or refused by a breaker."""

    def __init__(self, inner: TaskStore, breaker: CircuitBreaker) -> None:
        self.serialise: Callable[[Changes], Serialised] = inner.serialise
        self.write_unseen = Protected(inner.write_unseen, breaker)
        self.tasks_with_parked_reports = Protected(inner.tasks_with_parked_reports, breaker)
        self.bury_parked = Protected(inner.bury_parked, breaker)
        self.transaction = ProtectedTransactions(inner.transaction, breaker)


class ProtectedEventLog:
    """An `EventLog`, let through or refused by a breaker."""

    def __init__(self, inner: EventLog, breaker: CircuitBreaker) -> None:
        self.make_room = Protected(inner.make_room, breaker)


class ProtectedOffsetStore:
    """An `OffsetStore`, let through or refused by a breaker."""

    def __init__(self, inner: OffsetStore, breaker: CircuitBreaker) -> None:
        self.register = Protected(inner.register, breaker)
        self.read = Protected(inner.read, breaker)


class ProtectedReads:
    """Statements that stand alone, let through or refused by a breaker."""

    def __init__(self, inner: Reads, breaker: CircuitBreaker) -> None:
        self._inner = inner
        self._breaker = breaker

    async def fetch(self, statement: str, parameters: Mapping[str, object] | None = None) -> list[Row]:
        """See `Reads.fetch`."""
        with self._breaker.admission():
            return await self._inner.fetch(statement, parameters)

    def usage(self) -> PoolUsage:
        """See `Reads.usage`."""
        return self._inner.usage()

    async def close(self) -> None:
        """See `Reads.close`."""
        await self._inner.close()
