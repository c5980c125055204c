"""Partitions ahead and idempotency keys, on PostgreSQL."""

import pytest

from taskmanager.application.use_cases.housekeeping import idempotency_keys
from taskmanager.application.use_cases.housekeeping.event_partitions import EventPartitions
from taskmanager.application.use_cases.housekeeping.idempotency_keys import IdempotencyKeys
from taskmanager.application.use_cases.make_room import MakeRoom
from tests.integration.housekeeping.home import Home

_PARTITIONS = "select count(*) from event_partition_bounds()"
_KEYS = """insert into idempotency_keys
    select 'somebody', n::text, '', '{}', expiry - interval '1 day', expiry
    from generate_series(1, 20) n,
         lateral (select timestamptz '2026-03-01T12:00:50Z' + n * interval '1 second') e (expiry)"""


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
    monkeypatch.setattr(idempotency_keys, "_BATCH", 3)
    monkeypatch.setattr(idempotency_keys, "_BATCHES_PER_CALL", 2)
    rule = IdempotencyKeys(home.keys, home.clock)
    assert await rule.outlook(home.reading) == "there are no keys"
    home.database.run(_KEYS)  # the clock stands at 12:01: ten have expired

    assert (await rule.preview(home.reading)).effects == {"deleted": 10}
    assert home.database.value("select count(*) from idempotency_keys") == 20
    done = [await rule.apply(home.reading) for _ in range(2)]
    assert [(each.affected, each.more) for each in done] == [(6, True), (4, False)]
    assert home.database.value("select count(*) from idempotency_keys") == 10
    assert await rule.outlook(home.reading) == "the first key expires at 2026-03-01 12:01:01 UTC"
