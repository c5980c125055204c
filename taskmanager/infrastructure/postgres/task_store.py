"""The write path on PostgreSQL: one transaction a batch, four round trips at most."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import orjson

from taskmanager.application.changes import Changes, Outcome
from taskmanager.application.ports import (
    Fenced,
    OffsetClaim,
    ParkedReport,
    RowRefused,
    Snapshot,
    StoreUnavailable,
)
from taskmanager.infrastructure.postgres.copying import copy_rows
from taskmanager.infrastructure.postgres.rows import (
    changed_row,
    dead_row,
    dumps,
    loaded_task,
    parked_report,
    parked_row,
    refused_row,
)
from taskmanager.infrastructure.postgres.session import Script, Session
from taskmanager.infrastructure.postgres.statements import load_statements

_SETTLE_PAUSES = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0)


class PostgresTaskStore:
    """Implements `TaskStore`; `slot` names this writer among all that count, such as consumer-00."""

    def __init__(self, session: Session, slot: str) -> None:
        self._session = session
        self._slot = slot
        self._statements = load_statements("ingest")

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator["PostgresWriteTransaction"]:
        """See `TaskStore.transaction`."""
        transaction = PostgresWriteTransaction(self._session, self._slot, self._statements)
        try:
            yield transaction
        except BaseException:
            await self._session.rollback()
            raise

    async def tasks_with_parked_reports(self, after: int, limit: int) -> tuple[int | None, Sequence[str]]:
        """See `TaskStore.tasks_with_parked_reports`."""
        rows = await self._session.execute(self._statements["parked_with_task"], {"after": after, "limit": limit})
        position, task_ids = rows[0]
        return position, sorted(orjson.loads(task_ids)) if task_ids else []


class PostgresWriteTransaction:
    """Implements `WriteTransaction`."""

    def __init__(self, session: Session, slot: str, statements: Mapping[str, str]) -> None:
        self._session = session
        self._slot = slot
        self._statements = statements
        self._xid: str | None = None

    async def load(self, claims: Sequence[OffsetClaim], task_ids: Sequence[str], parked_ids: Sequence[str]) -> Snapshot:
        """See `WriteTransaction.load`."""
        rows = await self._session.execute(
            f"begin; {self._statements['load']}",
            {
                "claims": dumps([claim._asdict() for claim in claims]),
                "task_ids": _array(task_ids),
                "parked_ids": _array(parked_ids),
            },
        )
        self._xid, held, tasks, parked = rows[0]
        if not held:
            raise Fenced("another owner has moved the offset of a partition")
        reports: dict[str, list[ParkedReport]] = {}
        for row in orjson.loads(parked or "[]"):
            reports.setdefault(row["task_id"], []).append(parked_report(row))
        return Snapshot({row["id"]: loaded_task(row) for row in orjson.loads(tasks or "[]")}, reports)

    async def commit(self, changes: Changes) -> None:
        """See `WriteTransaction.commit`."""
        tasks, events = copy_rows(changes)
        names, parameters = self._writes(changes)
        rest = "; ".join([*(self._statements[name] for name in names), "commit"])

        def write(script: Script) -> None:
            if tasks:
                script.copy(self._statements["copy_tasks"], tasks)
            if events:
                script.copy(self._statements["copy_events"], events)
            script.execute(rest, parameters)

        try:
            await self._session.run(write)
        except StoreUnavailable:
            if self._session.is_open or not await self._was_committed():
                raise

    def _writes(self, changes: Changes) -> tuple[list[str], dict[str, object]]:
        """The statements beside COPY, and their parameters."""
        sets: dict[str, tuple[str, Sequence[Any]]] = {
            "update_tasks": ("changed", [changed_row(changes.changed[key]) for key in sorted(changes.changed)]),
            "add_counts": ("counts", _count_rows(changes)),
            "insert_dead_letters": ("dead", [dead_row(*letter) for letter in changes.dead]),
            "insert_parked": ("parked", [parked_row(report) for report in changes.parked]),
            "count_unparked": ("unparked", _unparked_rows(changes)),
            "insert_refused": ("refused", [refused_row(*refusal) for refusal in changes.refused]),
            "advance_offsets": ("offsets", _offset_rows(changes)),
        }
        parameters: dict[str, object] = {"now": changes.now, "slot": self._slot}
        names = []
        for name, (parameter, rows) in sets.items():
            if rows:
                names.append(name)
                parameters[parameter] = dumps(rows)
        if changes.unparked:
            names.append("delete_parked")
            parameters["unparked_ids"] = _array(map(str, changes.unparked))
        return names, parameters

    async def _was_committed(self) -> bool:
        """Whether a COMMIT whose answer was lost took effect; asks until the server knows."""
        for attempt in range(1_000_000):
            try:
                rows = await self._session.execute(self._statements["transaction_status"], {"xid": self._xid})
            except StoreUnavailable:
                pass
            except RowRefused:
                # A server that never saw this transaction (failed over, restored): the fence decides.
                return False
            else:
                if rows[0][0] != "in progress":
                    return bool(rows[0][0] == "committed")
            await asyncio.sleep(_SETTLE_PAUSES[min(attempt, len(_SETTLE_PAUSES) - 1)])
        raise StoreUnavailable("the fate of a transaction could not be learned")


def _array(items: Iterable[str]) -> str:
    return "{" + ",".join(items) + "}"


def _count_rows(changes: Changes) -> list[dict[str, Any]]:
    return [
        {"created_hour": hour, "status": status.value, "count": count}
        for (hour, status), count in sorted(changes.counts.items())
        if count
    ]


def _offset_rows(changes: Changes) -> list[dict[str, Any]]:
    none = {outcome.value: 0 for outcome in Outcome}
    return [
        {
            **none,
            **{outcome.value: count for outcome, count in moved.outcomes.items()},
            "topic": partition.topic,
            "partition": partition.partition,
            "next_offset": moved.next_offset,
            "ingested_at": moved.ingested_at,
        }
        for partition, moved in sorted(changes.progress.items())
    ]


def _unparked_rows(changes: Changes) -> list[dict[str, Any]]:
    return [
        {
            "topic": partition.topic,
            "partition": partition.partition,
            "duplicate": counts.get(Outcome.DUPLICATE, 0),
            "heartbeat": counts.get(Outcome.HEARTBEAT, 0),
        }
        for partition, counts in sorted(changes.unparked_counts.items())
    ]
