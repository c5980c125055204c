"""Partitions ahead and tables that must not grow without end, on PostgreSQL."""

import asyncio
from datetime import timedelta
from itertools import permutations

import pytest
from psycopg2.extensions import parse_dsn

from taskmanager.application.use_cases.housekeeping import batches
from taskmanager.application.use_cases.housekeeping.bulk_operations import BulkOperations
from taskmanager.application.use_cases.housekeeping.event_partitions import EventPartitions
from taskmanager.application.use_cases.housekeeping.idempotency_keys import IdempotencyKeys
from taskmanager.application.use_cases.housekeeping.task_counters import TaskCounters
from taskmanager.application.use_cases.make_room import MakeRoom
from taskmanager.infrastructure.postgres.housekeeping import PostgresCounters, PostgresFinishedOperations
from taskmanager.infrastructure.postgres.rows import dumps
from taskmanager.infrastructure.postgres.session import Session
from taskmanager.infrastructure.postgres.statements import load_statements
from tests.integration.housekeeping.home import Home

_PARTITIONS = "select count(*) from event_partition_bounds()"
_KEYS = """insert into idempotency_keys
    select 'somebody', n::text, '', '{}', expiry - interval '1 day', expiry
    from generate_series(1, 20) n,
         lateral (select timestamptz '2026-03-01T12:00:50Z' + n * interval '1 second') e (expiry)"""
# Twenty of which every other one is over, the last of them at noon; the clock stands at 12:01.
_OPERATIONS = """insert into bulk_operations (id, action, selection, actor, created_at, advanced_at, state, finished_at)
    select gen_random_uuid(), 'delete', '{}', 'ann', noon - interval '60 days', noon,
           case when n % 2 = 0 then 'completed' else 'running' end,
           case when n % 2 = 0 then noon - (20 - n) * interval '1 day' end
    from generate_series(1, 20) n, (select timestamptz '2026-03-01T12:00:00Z') c (noon)"""
_HOURS = ("2026-02-27T10:00:00Z", "2026-02-27T11:00:00Z", "2026-02-28T09:00:00Z")
_COUNTED = """select to_char(created_hour at time zone 'UTC', 'DD HH24'), status, slot, count::int
    from task_counters order by 1, 2, 3"""


async def add(session: Session, slot: str, *hours: str, count: int = 1) -> None:
    """Counts new tasks of these hours, as the write path does."""
    counts = [{"created_hour": hour, "status": "new", "count": count} for hour in hours]
    await session.execute(load_statements("ingest")["add_counts"], {"slot": slot, "counts": dumps(counts)})


async def test_partitions_are_made_ahead_and_a_dry_run_makes_none(home: Home) -> None:
    rule = EventPartitions(MakeRoom(home.store, home.clock), home.tables)
    assert (await rule.preview(home.reading)).affected == 0
    before = home.database.value(_PARTITIONS)
    home.database.run("select setval('task_events_seq', 60000000)")

    assert (await rule.preview(home.reading)).effects == {"made": 2}
    assert home.database.value(_PARTITIONS) == before
    assert (await rule.apply(home.reading)).effects == {"made": 2}
    assert home.database.value(_PARTITIONS) == before + 2
    assert "ready" in await rule.outlook(home.reading)


async def test_keys_past_their_expiry_are_deleted_in_batches(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "_BATCH", 3)
    monkeypatch.setattr(batches, "_BATCHES_PER_CALL", 2)
    rule = IdempotencyKeys(home.keys, home.clock)
    assert await rule.outlook(home.reading) == "there are no keys"
    home.database.run(_KEYS)  # the clock stands at 12:01: ten have expired

    assert (await rule.preview(home.reading)).effects == {"deleted": 10}
    assert home.database.value("select count(*) from idempotency_keys") == 20
    done = [await rule.apply(home.reading) for _ in range(2)]
    assert [(each.affected, each.more) for each in done] == [(6, True), (4, False)]
    assert home.database.value("select count(*) from idempotency_keys") == 10
    assert await rule.outlook(home.reading) == "the first key expires at 2026-03-01 12:01:01 UTC"


async def test_operations_that_are_over_are_kept_for_a_while(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "_BATCH", 2)
    monkeypatch.setattr(batches, "_BATCHES_PER_CALL", 2)
    rule = BulkOperations(PostgresFinishedOperations(home.session), home.clock, timedelta(days=8))
    assert await rule.outlook(home.reading) == "there are no operations that are over"
    home.database.run(_OPERATIONS)

    assert (await rule.preview(home.reading)).effects == {"deleted": 6}
    assert home.database.value("select count(*) from bulk_operations") == 20
    done = [await rule.apply(home.reading) for _ in range(2)]
    assert [(each.affected, each.more) for each in done] == [(4, True), (2, False)]
    assert home.database.value("select count(*) from bulk_operations where finished_at is null") == 10
    assert home.database.value("select count(*) from bulk_operations where finished_at is not null") == 4
    assert await rule.outlook(home.reading) == "the first operation is kept until 2026-03-03 12:00:00 UTC"


async def test_counters_of_a_day_ago_are_added_up(home: Home) -> None:
    rule = TaskCounters(PostgresCounters(home.session), home.clock)
    for number in range(3):
        await add(home.session, f"0-consumer-{number:02d}", "2026-02-27T10:00:00Z", "2026-02-28T13:00:00Z")
    assert (await rule.preview(home.reading)).effects == {"folded": 3}
    assert (await rule.apply(home.reading)).effects == {"folded": 3}
    young = [("28 13", "new", f"0-consumer-{number:02d}", 1) for number in range(3)]
    assert home.database.run(_COUNTED) == [("27 10", "new", "folded", 3), *young]

    await add(home.session, "0-consumer-01", "2026-02-27T10:00:00Z", count=-2)
    assert (await rule.apply(home.reading)).effects == {"folded": 1}
    assert home.database.run(_COUNTED) == [("27 10", "new", "folded", 1), *young]
    assert (await rule.apply(home.reading)).affected == 0


async def test_a_counter_that_a_writer_is_at_is_left_alone(home: Home) -> None:
    rule = TaskCounters(PostgresCounters(home.session), home.clock)
    await add(home.session, "0-consumer-00", *_HOURS)
    with home.database.connected("app", autocommit=False) as writer:
        writer.cursor().execute("update task_counters set count = count + 1 where created_hour = %s", (_HOURS[0],))
        assert (await rule.apply(home.reading)).affected == 2
        writer.commit()
    assert (await rule.apply(home.reading)).affected == 1
    assert [row[2:] for row in home.database.run(_COUNTED)] == [("folded", 2), ("folded", 1), ("folded", 1)]


async def test_no_count_is_lost_while_writers_count(home: Home) -> None:
    writers = [Session(parse_dsn(home.database.dsn("app")), timeout=30) for _ in range(3)]
    rule = TaskCounters(PostgresCounters(home.session), home.clock)

    async def count(number: int) -> None:
        for _ in range(20):
            for hours in permutations(_HOURS, 2):
                await add(writers[number], f"0-consumer-{number:02d}", *sorted(hours))

    counting = asyncio.gather(*map(count, range(3)))
    folded = 0
    while not counting.done():
        folded += (await rule.apply(home.reading)).affected
    await counting
    folded += (await rule.apply(home.reading)).affected
    for writer in writers:
        await writer.close()
    assert folded > 9  # more rows than there are hours and writers: some were made anew after they had been folded
    assert [row[2:] for row in home.database.run(_COUNTED)] == [("folded", 240)] * 3
