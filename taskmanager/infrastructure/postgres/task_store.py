"""The write path on PostgreSQL: one transaction a batch, in two round trips, or four with COPY."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import TypeVar

import orjson
import structlog

from taskmanager.application.changes import Changes
from taskmanager.application.commands import Reject
from taskmanager.application.ports import (
    UNKNOWN,
    Fenced,
    OffsetClaim,
    ParkedReport,
    RowRefused,
    Snapshot,
    StoreUnavailable,
)
from taskmanager.infrastructure.postgres.rows import dumps, loaded_task, parked_report
from taskmanager.infrastructure.postgres.serialising import SerialisedChanges, array
from taskmanager.infrastructure.postgres.session import Row, Script, Session
from taskmanager.infrastructure.postgres.statements import load_statements

log = structlog.get_logger(__name__)

_Answer = TypeVar("_Answer")
# Parked reports may hold results: what a transaction leaves of them, the next sweep applies.
_PARKED_BYTES = 16 << 20
_ANY = 1  # one is enough to know that there are some
_SETTLE_PAUSES = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0)


class PostgresTaskStore:
    """Implements `TaskStore` and `EventLog`; `slot` names this writer among all that count, such as consumer-00.

    Once `stopping()` holds it waits no longer for a server that is away to tell whether a transaction was committed.
    """

    def __init__(self, session: Session, slot: str, *, stopping: Callable[[], bool] = lambda: False) -> None:
        self._session = session
        self._slot = slot
        self._stopping = stopping
        self._statements = load_statements("ingest")

    def serialise(self, changes: Changes) -> SerialisedChanges:
        """See `TaskStore.serialise`."""
        return SerialisedChanges(changes, self._slot, self._statements)

    async def write_unseen(
        self, claims: Sequence[OffsetClaim], parked_ids: Sequence[str], serialised: SerialisedChanges
    ) -> bool:
        """See `TaskStore.write_unseen`."""
        async with self.transaction() as transaction:
            return await transaction.write_unseen(claims, parked_ids, serialised)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator["PostgresWriteTransaction"]:
        """See `TaskStore.transaction`."""
        try:
            yield PostgresWriteTransaction(self._session, self._statements, self._stopping)
        except BaseException:
            await self._session.rollback()
            raise

    async def tasks_with_parked_reports(self, after: int, limit: int) -> tuple[int | None, Sequence[str]]:
        """See `TaskStore.tasks_with_parked_reports`."""
        rows = await self._session.execute(self._statements["parked_with_task"], {"after": after, "limit": limit})
        position, task_ids = rows[0]
        return position, sorted(orjson.loads(task_ids)) if task_ids else []

    async def bury_parked(self, parked_id: int, reject: Reject, now: datetime) -> bool:
        """See `TaskStore.bury_parked`."""
        letter = {"id": parked_id, "reason": reject.reason.value, "detail": reject.detail, "now": now}
        return bool(await self._session.execute(self._statements["bury_parked"], letter))

    async def make_room(self) -> int:
        """See `EventLog.make_room`."""
        ((made,),) = await self._session.execute(self._statements["make_room"])
        return int(made)


class PostgresWriteTransaction:
    """Implements `WriteTransaction`."""

    # How often it asks what became of a COMMIT whose answer was lost. A consumer has nothing better to do.
    questions_max = 1_000_000

    def __init__(self, session: Session, statements: Mapping[str, str], stopping: Callable[[], bool]) -> None:
        self._session = session
        self._statements = statements
        self._stopping = stopping
        self._xid: str | None = None
        self._begin = "begin; "

    async def load(self, claims: Sequence[OffsetClaim], task_ids: Sequence[str], parked_ids: Sequence[str]) -> Snapshot:
        """See `WriteTransaction.load`."""
        tasks, parked = await self._session.run(
            lambda script: self._load(script, claims, task_ids, parked_ids, _PARKED_BYTES)
        )
        reports: dict[str, list[ParkedReport]] = {}
        for row in orjson.loads(parked or "[]"):
            reports.setdefault(row["task_id"], []).append(parked_report(row))
        return Snapshot({row["id"]: loaded_task(row) for row in orjson.loads(tasks or "[]")}, reports)

    async def commit(self, serialised: SerialisedChanges) -> None:
        """See `WriteTransaction.commit`."""
        await self._settled(serialised.write, committed=None)

    async def write_unseen(
        self, claims: Sequence[OffsetClaim], parked_ids: Sequence[str], serialised: SerialisedChanges
    ) -> bool:
        """See `TaskStore.write_unseen`."""

        def write(script: Script) -> bool:
            _, parked = self._load(script, claims, (), parked_ids, _ANY)
            if parked is None:
                serialised.write(script)
            else:
                script.execute("rollback")
            return parked is None

        return await self._settled(write, committed=True)

    def _load(
        self,
        script: Script,
        claims: Sequence[OffsetClaim],
        task_ids: Sequence[str],
        parked_ids: Sequence[str],
        parked_bytes: int,
    ) -> Row:
        """Begins; the JSON of tasks and of parked reports, None for none."""
        rows = script.execute(
            f"{self._begin}{self._statements['load']}",
            {
                "claims": dumps([claim._asdict() for claim in claims]),
                "task_ids": array(task_ids),
                "parked_ids": array(parked_ids),
                "parked_bytes": parked_bytes,
            },
        )
        self._xid, held, tasks, parked = rows[0]
        if not held:
            raise Fenced("another owner has moved the offset of a partition")
        return tasks, parked

    async def _settled(self, work: Callable[[Script], _Answer], *, committed: _Answer) -> _Answer:
        """Does work that ends with COMMIT; answers `committed` where it turns out that only the answer was lost."""
        try:
            return await self._session.run(work)
        except StoreUnavailable:
            # While the connection is open the server itself has said that it did not commit.
            if self._session.is_open or self._xid is None or not await self._was_committed():
                raise
            return committed

    async def _was_committed(self) -> bool:
        """Whether a COMMIT whose answer was lost took effect."""
        for attempt in range(self.questions_max):
            try:
                rows = await self._session.execute(self._statements["transaction_status"], {"xid": self._xid})
            except StoreUnavailable as error:
                problem = str(error)
            except RowRefused:
                # A server that never saw this transaction (failed over, restored): the fence decides.
                return False
            else:
                if rows[0][0] != "in progress":
                    return bool(rows[0][0] == "committed")
                problem = "the server is still at it"
            log.warning("commit_outcome_unknown_asking_again", attempt=attempt + 1, error=problem)
            if self._stopping():
                break  # Nothing is lost: whoever goes on begins at the stored offsets, which tell.
            await asyncio.sleep(_SETTLE_PAUSES[min(attempt, len(_SETTLE_PAUSES) - 1)])
        raise StoreUnavailable("the fate of a transaction could not be learned", UNKNOWN)
