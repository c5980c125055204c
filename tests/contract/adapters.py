"""Both adapters of the write path's ports, and one way to look at what they hold."""

import base64
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from psycopg2.extensions import parse_dsn

from taskmanager.application.commands import InboundMessage
from taskmanager.application.ports import OffsetStore, TaskStore
from taskmanager.domain.events import TaskCreated
from taskmanager.infrastructure.postgres.copying import created_data, event_data
from taskmanager.infrastructure.postgres.offset_store import PostgresOffsetStore
from taskmanager.infrastructure.postgres.rows import report_json
from taskmanager.infrastructure.postgres.session import Session
from taskmanager.infrastructure.postgres.task_store import PostgresTaskStore
from tests.builders import state_of
from tests.fakes.task_store import InMemoryTaskStore, source_of
from tests.scratch import ScratchDatabase

Row = Mapping[str, Any]


class Held(NamedTuple):
    """What a store holds, as plain values."""

    tasks: Mapping[str, Row]
    events: list[Row]
    counts: Mapping[tuple[datetime, str], int]
    offsets: Mapping[tuple[str, int], Row]
    dead: list[Row]
    parked: list[Row]
    refused: list[Row]
    unparked: Mapping[tuple[str, int], Row]


class Adapter(Protocol):
    """Two stores on the same data."""

    @property
    def store(self) -> TaskStore:
        """The one that writes."""

    @property
    def offsets(self) -> OffsetStore:
        """The one that knows where to begin."""

    def second_store(self) -> TaskStore:
        """Another writer of the same data."""

    def held(self) -> Held:
        """What is committed."""


class InMemoryAdapter:
    """The fake."""

    def __init__(self) -> None:
        self.store = self.offsets = self._store = InMemoryTaskStore()

    def second_store(self) -> TaskStore:
        """The same: it has no writer of its own."""
        return self._store

    def held(self) -> Held:
        """See `Adapter.held`."""
        contents = self._store.contents
        return Held(
            tasks={name: _without_digest(state_of(task)) for name, task in contents.tasks.items()},
            events=[
                {
                    "task_id": event.task_id,
                    "version": event.version,
                    "type": type(event).__name__,
                    "data": (created_data(event) if isinstance(event, TaskCreated) else event_data(event)) or None,
                    "source": tuple(source) if source else None,
                }
                for event, source in contents.events
            ],
            counts={(hour, status.value): count for (hour, status), count in contents.counts.items() if count},
            offsets={
                (partition.topic, partition.partition): {
                    "topic_id": row.topic_id,
                    "first_offset": row.first_offset,
                    "next_offset": row.next_offset,
                    "ingested_at": row.ingested_at,
                    "outcomes": {outcome.value: count for outcome, count in row.outcomes.items() if count},
                }
                for partition, row in contents.offsets.items()
            },
            dead=[
                _message(message) | {"reason": reject.reason.value, "detail": reject.detail, "task_id": reject.task_id}
                for message, reject in contents.dead
            ],
            parked=[
                {"task_id": parked.report.id, "report": _as_json(report_json(parked.report))}
                | (_message(parked.report.source) if isinstance(parked.report.source, InboundMessage) else {})
                for parked in contents.parked
            ],
            refused=[
                {
                    "task_id": command.id,
                    "reason": refusal.reason.value,
                    "report": _as_json(report_json(command)),
                    "source": tuple(source_of(command) or ()),
                }
                for command, refusal in contents.refused
            ],
            unparked={
                (partition.topic, partition.partition): {outcome.value: count for outcome, count in counts.items()}
                for partition, counts in contents.unparked_counts.items()
            },
        )


class PostgresAdapter:
    """The one that the service uses, as the role that the service has."""

    def __init__(self, database: ScratchDatabase, slot: str = "0-consumer-00") -> None:
        self._database = database
        self._sessions = [self._session()]
        self.store = PostgresTaskStore(self._sessions[0], slot)
        self.offsets = PostgresOffsetStore(self._sessions[0])

    def second_store(self) -> TaskStore:
        """Another connection, counting under another name."""
        self._sessions.append(self._session())
        return PostgresTaskStore(self._sessions[-1], "0-consumer-01")

    async def close(self) -> None:
        """Leaves the database."""
        for session in self._sessions:
            await session.close()

    def held(self) -> Held:
        """See `Adapter.held`."""
        return Held(
            tasks={row["id"]: _times(row) for row in self._rows("select * from web_crawl_tasks order by id")},
            events=[
                {
                    "task_id": row["task_id"],
                    "version": row["version"],
                    "type": row["type"],
                    "data": row["data"],
                    "source": _position(row) if row["source_topic"] else None,
                }
                for row in self._rows("select * from task_events order by seq")
            ],
            counts={
                (datetime.fromisoformat(row["created_hour"]), row["status"]): row["n"] for row in self._rows(_COUNTS)
            },
            offsets={
                (row["topic"], row["partition"]): {
                    "topic_id": row["topic_id"],
                    "first_offset": row["first_offset"],
                    "next_offset": row["next_offset"],
                    "ingested_at": datetime.fromisoformat(row["ingested_at"]) if row["ingested_at"] else None,
                    "outcomes": {name: row[name] for name in _OUTCOMES if row[name]},
                }
                for row in self._rows("select * from consumer_offsets")
            },
            dead=[
                _raw(row) | {"reason": row["reason"], "detail": row["detail"], "task_id": row["task_id"]}
                for row in self._rows(_DEAD)
            ],
            parked=[
                {"task_id": row["task_id"], "report": _as_json(row["report"])} | _raw(row)
                for row in self._rows(_PARKED)
            ],
            refused=[
                {
                    "task_id": row["task_id"],
                    "reason": row["reason"],
                    "report": _as_json(row["report"]),
                    "source": _position(row),
                }
                for row in self._rows("select * from refused_reports order by id")
            ],
            unparked={
                (row["source_topic"], row["source_partition"]): {
                    name: row[name] for name in ("duplicate", "heartbeat") if row[name]
                }
                for row in self._rows("select * from unparked_counts")
            },
        )

    def _rows(self, statement: str) -> list[Row]:
        rows = self._database.run(f"select row_to_json(r)::text from ({statement}) r")  # noqa: S608 - statements of ours
        return [json.loads(row) for (row,) in rows]

    def _session(self) -> Session:
        return Session(parse_dsn(self._database.dsn("app")), timeout=10)


_OUTCOMES = ("created", "applied", "heartbeat", "duplicate", "refused", "parked", "dead", "skipped")
_COUNTS = """select created_hour, status, sum(count) as n from task_counters
    group by created_hour, status having sum(count) <> 0"""
_DEAD = """select source_topic, source_partition, source_offset, task_id, headers, message_timestamp,
    encode(key, 'base64') as key, encode(value, 'base64') as value, reason, detail from dead_letters order by id"""
_PARKED = """select source_topic, source_partition, source_offset, task_id, headers, message_timestamp,
    encode(key, 'base64') as key, encode(value, 'base64') as value, report from parked_statuses order by id"""
_TIMES = ("received_at", "created_at", "updated_at", "attempt_started_at", "not_before", "started_at", "finished_at",
          "last_heartbeat_at", "deleted_at")  # fmt: skip


def _times(row: Row) -> Row:
    times = {name: datetime.fromisoformat(row[name]) if row[name] else None for name in _TIMES}
    return {**row, **times, "metadata": row["metadata"] or {}}


def _without_digest(state: Row) -> Row:
    return {name: value for name, value in state.items() if name != "outcome"}


def _position(row: Row) -> tuple[str, int, int]:
    return row["source_topic"], row["source_partition"], row["source_offset"]


def _raw(row: Row) -> dict[str, Any]:
    stamp = row["message_timestamp"]
    return {
        "source": _position(row),
        "key": _bytes(row["key"]),
        "value": _bytes(row["value"]),
        "headers": [(name, _bytes(value)) for name, value in row["headers"]],
        "timestamp_ms": round(datetime.fromisoformat(stamp).timestamp() * 1000) if stamp else None,
    }


def _message(message: InboundMessage) -> dict[str, Any]:
    return {
        "source": (message.topic, message.partition, message.offset),
        "key": message.key,
        "value": message.value,
        "headers": message.headers or [],
        "timestamp_ms": message.timestamp_ms,
    }


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else base64.b64decode(text)


def _as_json(report: Row) -> Row:
    """A kept report with its time as a time, however it was written."""
    at = report["at"]
    return {**report, "at": datetime.fromisoformat(at) if isinstance(at, str) else at}
