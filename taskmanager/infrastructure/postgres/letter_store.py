"""Settles dead letters on PostgreSQL, in transactions of the write path."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import orjson

from taskmanager.application.changes import Changes
from taskmanager.application.dead_letter_model import LetterState
from taskmanager.infrastructure.postgres.serialising import SerialisedChanges, array
from taskmanager.infrastructure.postgres.session import Session
from taskmanager.infrastructure.postgres.statements import load_statements
from taskmanager.infrastructure.postgres.task_store import PostgresWriteTransaction


class PostgresLetterStore:
    """Implements `LetterStore`; `slot` names this writer among all that count, such as dlq.

    Who asks for a transaction while another one is open waits for it to end.
    """

    def __init__(self, session: Session, slot: str) -> None:
        self._session = session
        self._slot = slot
        self._turn = asyncio.Lock()
        self._statements = load_statements("ingest")

    def serialise(self, changes: Changes) -> SerialisedChanges:
        """See `TaskStore.serialise`."""
        return SerialisedChanges(changes, self._slot, self._statements)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator["PostgresLetterTransaction"]:
        """See `LetterStore.transaction`."""
        async with self._turn:
            transaction = PostgresLetterTransaction(self._session, self._statements, lambda: False)
            try:
                yield transaction
            finally:
                if not transaction.is_committed:
                    await self._session.rollback()


class PostgresLetterTransaction(PostgresWriteTransaction):
    """Implements `LetterTransaction`."""

    questions_max = 8  # as `PostgresIntentTransaction`
    is_committed = False

    async def lock(self, letter_ids: Sequence[int]) -> Mapping[int, LetterState]:
        """See `LetterTransaction.lock`."""
        statement = load_statements("dead_letters")["lock"]
        rows = await self._session.execute(f"begin; {statement}", {"ids": array(map(str, letter_ids))})
        self._begin = ""
        self._xid, states = rows[0]
        return {int(letter_id): LetterState(state) for letter_id, state in orjson.loads(states or "{}").items()}

    async def commit(self, serialised: SerialisedChanges) -> None:
        """See `WriteTransaction.commit`."""
        await super().commit(serialised)
        self.is_committed = True
