"""`IntentStore` in memory, on the contents of the store that the consumers' fake has."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import NamedTuple

from taskmanager.application.changes import Changes
from taskmanager.application.ports import StoreConflict
from taskmanager.application.use_cases.writing.ports import Found, KeptAnswer
from taskmanager.application.use_cases.writing.unit import IdempotencyKey
from tests.fakes.task_store import InMemoryTaskStore, InMemoryTransaction


class Serialised(NamedTuple):
    """What is to be written, as it is."""

    changes: Changes
    answers: Sequence[KeptAnswer]


class InMemoryIntentStore:
    """Implements `IntentStore`; `tasks` holds what is committed, and what happens before each step, see there."""

    def __init__(self) -> None:
        self.tasks = InMemoryTaskStore()
        self.kept: dict[IdempotencyKey, KeptAnswer] = {}
        self.rooms_made = 0

    def serialise(self, changes: Changes, answers: Sequence[KeptAnswer]) -> Serialised:
        """See `IntentStore.serialise`."""
        return Serialised(changes, answers)

    async def write_new(self, serialised: Serialised) -> None:
        """See `IntentStore.write_new`."""
        async with self.transaction() as transaction:
            await transaction.commit(serialised)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator["InMemoryIntentTransaction"]:
        """See `IntentStore.transaction`."""
        async with self.tasks.transaction() as transaction:
            yield InMemoryIntentTransaction(self, transaction)

    async def make_room(self) -> int:
        """See `EventLog.make_room`."""
        self.rooms_made += 1
        return 1


class InMemoryIntentTransaction:
    """Implements `IntentTransaction`."""

    def __init__(self, store: InMemoryIntentStore, inner: InMemoryTransaction) -> None:
        self._store = store
        self._inner = inner
        self._freed: set[IdempotencyKey] = set()

    async def look(self, task_ids: Sequence[str], keys: Sequence[IdempotencyKey], now: datetime) -> Found:
        """See `IntentTransaction.look`."""
        snapshot = await self._inner.load([], task_ids, [])
        known = {key: self._store.kept[key] for key in keys if key in self._store.kept}
        self._freed = {key for key, kept in known.items() if kept.expires_at <= now}
        return Found(snapshot.tasks, {key: kept for key, kept in known.items() if key not in self._freed})

    async def commit(self, serialised: Serialised) -> None:
        """See `IntentTransaction.commit`."""
        kept = {key: answer for key, answer in self._store.kept.items() if key not in self._freed}
        new = {answer.claim.name: answer for answer in serialised.answers}
        if kept.keys() & new.keys():
            raise StoreConflict("another writer has the key")
        await self._inner.commit(serialised.changes)
        self._store.kept = kept | new
