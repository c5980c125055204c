"""The store of callers who wait, behind a circuit breaker."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from taskmanager.application.changes import Changes
from taskmanager.application.ports import Serialised
from taskmanager.application.use_cases.writing.ports import IntentStore, IntentTransaction, KeptAnswer
from taskmanager.infrastructure.resilience.circuit_breaker import CircuitBreaker
from taskmanager.infrastructure.resilience.protected import Protected


class ProtectedIntentStore:
    """An `IntentStore` whose transactions are let through, or refused before they begin."""

    def __init__(self, inner: IntentStore, breaker: CircuitBreaker) -> None:
        self._inner = inner
        self._breaker = breaker
        self.serialise: Callable[[Changes, Sequence[KeptAnswer]], Serialised] = inner.serialise
        self.write_new = Protected(inner.write_new, breaker)
        self.make_room = Protected(inner.make_room, breaker)

    def transaction(self) -> AbstractAsyncContextManager[IntentTransaction]:
        """See `IntentStore.transaction`; a transaction is one call, so that it is never refused halfway."""
        return self._transaction()

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[IntentTransaction]:
        with self._breaker.admission():
            async with self._inner.transaction() as transaction:
                yield transaction
