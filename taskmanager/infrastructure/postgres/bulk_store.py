"""Advances operations on PostgreSQL, in transactions of the write path."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime

from taskmanager.application.bulk_model import Operation
from taskmanager.application.changes import Changes
from taskmanager.application.use_cases.bulk.ports import IdsFound, Limits, Progress
from taskmanager.infrastructure.postgres.bulk_operations import operation_of
from taskmanager.infrastructure.postgres.bulk_selection import found_query
from taskmanager.infrastructure.postgres.serialising import SerialisedChanges
from taskmanager.infrastructure.postgres.session import Script, Session
from taskmanager.infrastructure.postgres.statements import load_statements
from taskmanager.infrastructure.postgres.task_store import PostgresWriteTransaction


class PostgresChunkStore:
    """Implements `ChunkStore`; `slot` names this writer among all that count, such as 0-api-00-bulk."""

    def __init__(self, session: Session, slot: str) -> None:
        self._session = session
        self._slot = slot
        self._ingest = load_statements("ingest")
        self._statements = load_statements("bulk")

    def serialise(self, changes: Changes, progress: Progress) -> "SerialisedChunk":
        """See `ChunkStore.serialise`."""
        return SerialisedChunk(changes, progress, self._slot, self._ingest)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator["PostgresChunkTransaction"]:
        """See `ChunkStore.transaction`."""
        transaction = PostgresChunkTransaction(self._session, self._ingest, self._statements)
        try:
            yield transaction
        finally:
            if not transaction.is_committed:
                await self._session.rollback()

    async def postpone(self, operation_id: str, now: datetime) -> None:
        """See `ChunkStore.postpone`."""
        await self._session.execute(self._statements["postpone"], {"id": operation_id, "now": now})

    async def fail(self, operation_id: str, failure: str, now: datetime) -> None:
        """See `ChunkStore.fail`."""
        parameters = {"id": operation_id, "failure": failure, "now": now}
        await self._session.execute(self._statements["fail"], parameters)

    async def make_room(self) -> int:
        """See `EventLog.make_room`."""
        ((made,),) = await self._session.execute(self._ingest["make_room"])
        return int(made)


class PostgresChunkTransaction(PostgresWriteTransaction):
    """Implements `ChunkTransaction`."""

    is_committed = False

    def __init__(self, session: Session, ingest: Mapping[str, str], statements: Mapping[str, str]) -> None:
        super().__init__(session, ingest, lambda: True)
        self._own = statements

    async def take(self) -> Operation | None:
        """See `ChunkTransaction.take`."""
        rows = await self._session.execute(f"begin; {self._own['take']}")
        self._begin = ""
        return operation_of(rows[0][0]) if rows else None

    async def found(self, operation: Operation, limits: Limits) -> IdsFound:
        """See `ChunkTransaction.found`."""
        query = found_query("ids_found", operation.order, operation.created_at, operation.position, limits)
        (row,) = await self._session.execute(query.statement, query.parameters)
        rows, end = query.read(row)
        return IdsFound(sorted(each["id"] for each in rows), end)

    async def commit(self, serialised: SerialisedChanges) -> None:
        """See `WriteTransaction.commit`; what became of one whose answer is lost, the operation's own row tells."""
        await self._session.run(serialised.write)
        self.is_committed = True


class SerialisedChunk(SerialisedChanges):
    """The changes of a chunk, with how far the operation has come."""

    def __init__(self, changes: Changes, progress: Progress, slot: str, ingest: Mapping[str, str]) -> None:
        super().__init__(changes, slot, ingest)
        position = progress.position
        self._progress = {
            "operation": progress.operation_id,
            "state": progress.state.value,
            "now": progress.now,
            "finished_at": progress.now if progress.state.is_over else None,
            "position_at": None if position is None else position.created_at,
            "position_id": None if position is None else position.id,
            "matched": progress.tally.matched,
            **progress.tally._asdict(),
        }

    def write(self, script: Script) -> None:
        """See `SerialisedChanges.write`."""
        script.execute(load_statements("bulk")["advance"], self._progress)
        super().write(script)
