"""A page of the log: what a row looks like to readers, and where a page ends."""

from collections.abc import Callable
from datetime import UTC, datetime

from taskmanager.application.event_log import HighWaterReader, LoggedEvent
from taskmanager.domain.events import TaskCompleted
from taskmanager.infrastructure.postgres.event_log import PostgresEventLog, decode
from taskmanager.infrastructure.postgres.session import Session
from tests.builders import task_id
from tests.scratch import ScratchDatabase

_NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
_FILL = """insert into task_events (task_id, version, type, attempt, occurred_at, recorded_at, data)
    select gen_random_uuid(), 1, 'TaskCompleted', 1, now(), now(), json_build_object('result', {result})
    from generate_series(1, {count})"""


async def test_a_row_comes_with_everything_that_readers_need(database: ScratchDatabase, log: PostgresEventLog) -> None:
    database.run(
        """insert into task_events values (7, %s, 3, 'TaskCompleted', 2, %s, %s, '{"result": "é"}', 'task-status', 4,
               55, 'worker-1', 'order-1', '00-a-b-01', 'vendor=x')""",
        (task_id(), _NOON, _NOON),
    )

    (event,) = await log.read(0, 10)

    assert event == LoggedEvent(
        seq=7,
        task_id=task_id(),
        version=3,
        type="TaskCompleted",
        attempt=2,
        occurred_at=_NOON,
        recorded_at=_NOON,
        data='{"result": "é"}',
        correlation_id="order-1",
        actor="worker-1",
        source_topic="task-status",
        source_partition=4,
        source_offset=55,
        traceparent="00-a-b-01",
        tracestate="vendor=x",
    )
    assert decode(event) == TaskCompleted(
        task_id=task_id(), version=3, attempt=2, occurred_at=_NOON, recorded_at=_NOON, result="é"
    )


async def test_pages_follow_each_other_across_partitions(database: ScratchDatabase, log: PostgresEventLog) -> None:
    database.run("select setval('task_events_seq', 24999990)")
    database.run(_FILL.format(result="'done'", count=20))

    reader = HighWaterReader(log, 24_999_990, limit=7)
    pages = [[event.seq for event in await reader.next()] for _ in range(4)]

    assert [len(page) for page in pages] == [7, 7, 6, 0]
    assert [seq for page in pages for seq in page] == list(range(24_999_991, 25_000_011))


async def test_a_page_of_large_events_is_cut_but_never_empty(
    database: ScratchDatabase, open_session: Callable[[], Session]
) -> None:
    database.run(
        _FILL.format(result="(select string_agg(gen_random_uuid()::text, '') from generate_series(1, 3000))", count=9)
    )

    async def lengths(page_bytes: int) -> list[int]:
        reader = HighWaterReader(PostgresEventLog(open_session(), page_bytes=page_bytes), 0)
        return [len(await reader.next()) for _ in range(4)]

    assert await lengths(1) == [1, 1, 1, 1]
    assert (await lengths(8 << 20))[0] == 9
    cut = await lengths(600_000)
    assert 1 < cut[0] < 9
    assert sum(cut) == 9


async def test_compressed_data_count_for_what_they_may_become(
    database: ScratchDatabase, open_session: Callable[[], Session]
) -> None:
    database.run(_FILL.format(result="repeat('x', 500000)", count=100))

    first = await PostgresEventLog(open_session(), page_bytes=1 << 20).read(0, 100)

    assert 1 < len(first) < 30
