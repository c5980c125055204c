"""Keeps operations on many tasks in PostgreSQL."""

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from taskmanager.application.bulk_model import (
    BulkAction,
    Operation,
    OperationState,
    Order,
    Selection,
    Tally,
)
from taskmanager.application.task_lists import Position
from taskmanager.application.use_cases.bulk.ports import Begun
from taskmanager.application.use_cases.writing.unit import Claim
from taskmanager.domain.values import UserEmail
from taskmanager.infrastructure.postgres.pool import Reads
from taskmanager.infrastructure.postgres.statements import load_statements

_encode = msgspec.json.Encoder(enc_hook=str).encode  # value objects are texts


class _Row(msgspec.Struct):
    """A row in JSON."""

    id: str
    action: BulkAction
    selection: Selection
    owner: str | None
    actor: str
    correlation_id: str | None
    traceparent: str | None
    tracestate: str | None
    state: OperationState
    failure: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    position_at: datetime | None
    position_id: str | None
    changed: int
    unchanged: int
    refused: int


_decode = msgspec.json.Decoder(_Row).decode


class PostgresOperations:
    """Implements `Operations` by statements that stand alone; raises what the pool raises."""

    def __init__(self, pool: Reads) -> None:
        self._pool = pool
        self._statements = load_statements("bulk")

    async def begin(
        self, operation_id: str, order: Order, claim: Claim | None, now: datetime, *, open_max: int
    ) -> Begun | None:
        """See `Operations.begin`."""
        key, digest = (claim.name.key, claim.digest) if claim else (None, None)
        parameters = {
            "id": operation_id,
            "action": order.action.value,
            "selection": _encode(order.selection).decode(),
            "owner": order.owner,
            "actor": order.actor,
            "correlation_id": order.correlation_id,
            "traceparent": order.traceparent,
            "tracestate": order.tracestate,
            "request_key": key,
            "request_digest": digest,
            "now": now,
            "open_max": open_max,
        }
        rows = await self._pool.fetch(self._statements["begin"], parameters)
        if rows:
            return Begun(operation_of(rows[0][0]), digest)
        if claim is None:
            return None
        rows = await self._pool.fetch(self._statements["find_by_request"], parameters)
        return Begun(operation_of(rows[0][0]), rows[0][1]) if rows else None

    async def find(self, operation_id: str, owner: UserEmail | None) -> Operation | None:
        """See `Operations.find`."""
        return await self._one("find", {"id": operation_id, "owner": owner})

    async def page(self, owner: UserEmail | None, before: str | None, limit: int) -> Sequence[Operation]:
        """See `Operations.page`."""
        rows = await self._pool.fetch(self._statements["page"], {"owner": owner, "before": before, "limit": limit})
        return [operation_of(text) for (text,) in rows]

    async def cancel(self, operation_id: str, owner: UserEmail | None, now: datetime) -> Operation | None:
        """See `Operations.cancel`."""
        return await self._one("cancel", {"id": operation_id, "owner": owner, "now": now})

    async def _one(self, statement: str, parameters: dict[str, object]) -> Operation | None:
        rows = await self._pool.fetch(self._statements[statement], parameters)
        return operation_of(rows[0][0]) if rows else None


def operation_of(text: str) -> Operation:
    """An operation as the statements answer it: its row as JSON."""
    row = _decode(text)
    position = None
    if row.position_at is not None and row.position_id is not None:
        position = Position(row.position_at.astimezone(UTC), row.position_id)
    return Operation(
        id=row.id,
        order=Order(
            action=row.action,
            selection=row.selection,
            actor=row.actor,
            owner=row.owner,
            correlation_id=row.correlation_id,
            traceparent=row.traceparent,
            tracestate=row.tracestate,
        ),
        state=row.state,
        created_at=row.created_at.astimezone(UTC),
        started_at=_utc(row.started_at),
        finished_at=_utc(row.finished_at),
        tally=Tally(row.changed, row.unchanged, row.refused),
        position=position,
        failure=row.failure,
    )


def _utc(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.astimezone(UTC)
