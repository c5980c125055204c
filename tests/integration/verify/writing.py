"""Messages of every outcome, carried into a database by the code that does so in production."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from taskmanager.api.kafka.codec import Codec
from taskmanager.application.batch import Batch
from taskmanager.application.commands import InboundMessage, Partition
from taskmanager.application.use_cases.ingest_batch import IngestBatch
from taskmanager.infrastructure.postgres.offset_store import PostgresOffsetStore
from taskmanager.infrastructure.postgres.session import Session
from taskmanager.infrastructure.postgres.task_store import PostgresTaskStore
from tests.builders import task_id
from tests.scratch import ScratchDatabase

REQUESTS = "requests-web-crawl"
STATUS = "task-status"
TOPIC_IDS = {REQUESTS: "incarnation-of-requests", STATUS: "incarnation-of-status"}
FIRST_OFFSET = 100  # as after a retention


class TickingClock:
    """Two seconds later at each look, and over midnight."""

    def __init__(self) -> None:
        self._now = datetime(2026, 3, 1, 23, 59, 50, tzinfo=UTC)

    def now(self) -> datetime:
        self._now += timedelta(seconds=2)
        return self._now


class Writer:
    """Numbers messages per partition as Kafka does and ingests them in batches."""

    def __init__(self, session: Session) -> None:
        clock = TickingClock()
        store = PostgresTaskStore(session, "test")
        self._offsets = PostgresOffsetStore(session)
        self._ingest = IngestBatch(store, clock)
        self._codec = Codec(request_topic=REQUESTS, topic_ids=TOPIC_IDS, own_name="task-manager")
        self._next: dict[Partition, int] = {}

    async def register(self, partitions: Sequence[Partition]) -> None:
        """Starts partitions at `FIRST_OFFSET`."""
        await self._offsets.register({p: (TOPIC_IDS[p.topic], FIRST_OFFSET) for p in partitions})
        self._next = dict.fromkeys(partitions, FIRST_OFFSET)

    async def write(self, *messages: tuple[Partition, Mapping[str, str], Any]) -> None:
        """One batch; a body that is not bytes is sent as JSON."""
        starts: dict[Partition, int] = {}
        inbound = []
        for partition, headers, body in messages:
            offset = self._next[partition]
            starts.setdefault(partition, offset)
            self._next[partition] = offset + 1
            value = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
            encoded: list[tuple[str, bytes | None]] = [(name, text.encode()) for name, text in headers.items()]
            inbound.append(InboundMessage(*partition, offset, 1_772_400_000_000, b"key", encoded, value))
        batch = Batch(inbound, [self._codec.decode(message) for message in inbound], starts, TOPIC_IDS)
        await self._ingest.write(self._ingest.prepare(batch))


def request(number: int, **changes: object) -> dict[str, object]:
    """The body of a request."""
    return {
        "userEmail": f"user{number}@example.com",
        "userQuery": f"prices of\tshop {number}\nand “more” \\ ünïcode",
        "originalUrl": f"https://example.com/{number}",
    } | changes


def header(number: int, status: str = "new", **more: str) -> dict[str, str]:
    """The headers of a message about a task."""
    return {"id": task_id(number), "status": status, "timestamp": "2026-03-01T12:00:00Z"} | more


DENSE = Partition(REQUESTS, 0)  # nothing but creations
MIXED = Partition(REQUESTS, 1)
REPORTS = Partition(STATUS, 0)


async def fill(database: ScratchDatabase) -> None:
    """Writes messages of every outcome, and parked reports that came to each thing that a parked report can."""
    session = Session({"dsn": database.dsn("app")}, timeout=10)
    try:
        await _fill(Writer(session))
    finally:
        await session.close()


async def _fill(writer: Writer) -> None:
    await writer.register([DENSE, MIXED, REPORTS])
    await writer.write(
        *((DENSE, header(n), request(n, metadata={"campaign": str(n)} if n % 2 else {})) for n in range(1, 9)),
        (MIXED, header(1), request(1, metadata={"campaign": "1"})),  # a duplicate
        (MIXED, header(2), request(3)),  # refused: other content
        (MIXED, header(9), b"\xff\xfe"),  # dead
    )
    await writer.write(
        (REPORTS, header(1, "started"), {"worker": "worker-1", "progress": 0.25}),
        (REPORTS, header(1, "in_progress"), {"worker": "worker-2", "progress": 0.5}),  # a heartbeat
        (REPORTS, header(2, "started"), {}),
        (REPORTS, header(2, "completed"), {"result": {"pages": [1, 2, 3]}}),
        (REPORTS, header(2, "completed"), {"result": {"pages": [1, 2, 3]}}),  # a duplicate
        (REPORTS, header(3, "failed"), {"error": "no route", "retryable": True}),
        (REPORTS, header(3, "completed"), {"result": "after all"}),  # refused
        (REPORTS, header(4, "cancelled"), {}),
        (REPORTS, header(5, "completed"), {"result": "é" * 2000}),
        (REPORTS, header(6, "completed", source="task-manager", event_id="x:1", event_type="TaskCompleted"), {}),
        (REPORTS, header(7), None),  # dead
    )
    await writer.write(
        (REPORTS, header(20, "started"), {"worker": "early"}),  # parked for ever
        (REPORTS, header(21, "started"), {"worker": "early"}),  # will be applied
        (REPORTS, header(21, "started"), {"worker": "earlier"}),  # a heartbeat by then
        (REPORTS, header(21, "completed"), {"result": "early"}),
        (REPORTS, header(21, "completed"), {"result": "early"}),  # a duplicate by then
        (REPORTS, header(21, "failed"), {"error": "late"}),  # refused by then
        (REPORTS, header(22, "started"), {"worker": "lost"}),  # will expire
    )
    await writer.write((MIXED, header(21), request(21)))


def expire_parked(database: ScratchDatabase) -> None:
    """What becomes of a report that waited too long: a dead letter takes the place of its parked row."""
    database.run(
        "with gone as (delete from parked_statuses where task_id = %s returning *)"
        " insert into dead_letters (source_topic, source_partition, source_offset, reason, detail, task_id, headers,"
        " recorded_at) select source_topic, source_partition, source_offset, 'unknown_task', 'waited', task_id, '[]',"
        " now() from gone",
        (task_id(22),),
        role="superuser",
    )


def fill_now(database: ScratchDatabase) -> None:
    """`fill` and `expire_parked` for callers without an event loop."""
    asyncio.run(fill(database))
    expire_parked(database)
