"""Looks dead letters up in PostgreSQL."""

import base64
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import orjson

from taskmanager.application.commands import UNREADABLE_HEADERS, InboundMessage
from taskmanager.application.dead_letter_model import (
    DeadLetter,
    Extent,
    LetterAction,
    LetterActionKind,
    LetterCount,
    LetterFilter,
    LetterState,
    LetterSummary,
    PastAction,
)
from taskmanager.application.dead_letters import DeadLetterReason
from taskmanager.domain.values import TaskId
from taskmanager.infrastructure.postgres.pool import Reads
from taskmanager.infrastructure.postgres.serialising import array
from taskmanager.infrastructure.postgres.session import Row
from taskmanager.infrastructure.postgres.statements import load_statements

# Stands for a time of Kafka's that no timestamp can hold: whoever decodes it refuses it, as it was refused before.
_OUT_OF_RANGE_MS = 2**63 - 1


class PostgresDeadLetterReader:
    """Implements `DeadLetterReader`; raises what the pool raises."""

    def __init__(self, pool: Reads) -> None:
        self._pool = pool
        self._statements = load_statements("dead_letters")

    async def newest(self, wanted: LetterFilter, limit: int, *, before: int | None = None) -> Sequence[LetterSummary]:
        """See `DeadLetterReader.newest`."""
        rows = await self._fetch("newest", _conditions(wanted) | {"limit": limit, "before": before})
        return [_summary(row) for row in reversed(rows)]

    async def counts(self, wanted: LetterFilter) -> Sequence[LetterCount]:
        """See `DeadLetterReader.counts`."""
        return [
            LetterCount(reason, LetterState(state), letters, oldest.astimezone(UTC), newest.astimezone(UTC))
            for reason, state, letters, oldest, newest in await self._fetch("counts", _conditions(wanted))
        ]

    async def extent(self, wanted: LetterFilter) -> Extent:
        """See `DeadLetterReader.extent`."""
        ((letters, last_id),) = await self._fetch("extent", _conditions(wanted))
        return Extent(letters, last_id)

    async def following(self, wanted: LetterFilter, after: int, up_to: int, limit: int) -> Sequence[int]:
        """See `DeadLetterReader.following`."""
        stretch = {"after": after, "up_to": up_to, "limit": limit}
        return [letter_id for (letter_id,) in await self._fetch("following", _conditions(wanted) | stretch)]

    async def load(self, letter_ids: Sequence[int], max_bytes: int) -> Sequence[DeadLetter]:
        """See `DeadLetterReader.load`."""
        parameters = {"ids": array(map(str, letter_ids)), "max_bytes": max_bytes}
        return [_letter(row) for row in await self._fetch("load", parameters)]

    async def history(self, letter_id: int) -> Sequence[PastAction]:
        """See `DeadLetterReader.history`."""
        return [_past_action(row) for row in await self._fetch("history", {"id": letter_id})]

    async def _fetch(self, name: str, parameters: Mapping[str, object]) -> list[Row]:
        return await self._pool.fetch(self._statements[name], parameters)


def _conditions(wanted: LetterFilter) -> dict[str, object]:
    return {
        "reasons": list(wanted.reasons) or None,
        "topic": wanted.topic,
        "partition": wanted.partition,
        "task_id": None if wanted.task_id is None else str(wanted.task_id),
        "since": wanted.since,
        "until": wanted.until,
        "state": None if wanted.state is None else wanted.state.value,
    }


def _summary(row: Row) -> LetterSummary:
    letter_id, topic, partition, offset, reason, detail, task_id, state, size, recorded, settled, settled_by = row
    return LetterSummary(
        id=letter_id,
        topic=topic,
        partition=partition,
        offset=offset,
        reason=reason,
        detail=detail,
        task_id=None if task_id is None else TaskId(task_id),
        state=LetterState(state),
        size=size,
        recorded_at=recorded.astimezone(UTC),
        settled_at=None if settled is None else settled.astimezone(UTC),
        settled_by=settled_by,
    )


def _letter(row: Row) -> DeadLetter:
    *columns, topic_id, key, value, headers, timestamp = row
    summary = _summary(tuple(columns))
    timestamp_ms = _milliseconds(timestamp)
    if timestamp_ms is None and summary.reason == DeadLetterReason.INVALID_TIMESTAMP:
        timestamp_ms = _OUT_OF_RANGE_MS
    place = (summary.topic, summary.partition, summary.offset)
    return DeadLetter(
        summary, InboundMessage(*place, timestamp_ms, _bytes(key), _headers(headers), _bytes(value)), topic_id
    )


def _past_action(row: Row) -> PastAction:
    recorded, letter_id, kind, actor, outcome, detail, key, value, headers, topic, partition, offset, timestamp = row
    edited = None
    if headers is not None:
        place = (topic, partition, offset, _milliseconds(timestamp))
        edited = InboundMessage(*place, _bytes(key), _headers(headers), _bytes(value))
    action = LetterAction(
        letter_id=letter_id,
        kind=LetterActionKind(kind),
        actor=actor,
        outcome=outcome,
        detail=detail,
        edited=edited,
    )
    return PastAction(recorded.astimezone(UTC), action)


def _headers(text: str) -> list[tuple[str, bytes | None]]:
    headers = [(name, None if value is None else base64.b64decode(value)) for name, value in orjson.loads(text)]
    return UNREADABLE_HEADERS if headers == UNREADABLE_HEADERS else headers


def _bytes(value: memoryview | None) -> bytes | None:
    return None if value is None else bytes(value)


def _milliseconds(time: datetime | None) -> int | None:
    return None if time is None else round(time.timestamp() * 1000)
