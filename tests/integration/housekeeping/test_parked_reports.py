"""Reports whose task never comes, on PostgreSQL."""

import pytest

from taskmanager.application.use_cases.housekeeping import parked_reports
from tests.builders import task_id
from tests.fakes.batches import batch_of
from tests.fakes.messages import STATUSES, report, request
from tests.integration.housekeeping.home import TTL, Home

_TTL = TTL.total_seconds()
_LETTERS = """select source_topic, source_partition, source_offset, reason, detail, task_id::text, key, value, headers,
    message_timestamp, recorded_at, state from dead_letters order by id"""


async def test_a_report_that_waited_too_long_becomes_a_dead_letter_with_its_message(home: Home) -> None:
    message = report("completed", {"result": "é"}, key=b"\xff\0", partition=2)
    await home.receive(message)
    home.clock.pass_seconds(_TTL)
    done = await home.parked_reports().apply(home.reading)

    assert done.effects == {"expired": 1}
    ((topic, partition, offset, reason, detail, task, key, value, headers, sent, recorded, state),) = home.database.run(
        _LETTERS
    )
    assert (topic, partition, offset, task) == (STATUSES, 2, 0, task_id())
    assert (reason, detail) == ("unknown_task", "its task did not appear within 600 s")
    assert (bytes(key), bytes(value)) == (message.key, message.value)
    assert [name for name, _ in headers] == [name for name, _ in message.headers or []]
    assert (sent.timestamp() * 1000, recorded, state) == (message.timestamp_ms, home.clock.now(), "open")
    assert home.database.value("select count(*) from parked_statuses") == 0
    home.verify()


async def test_a_second_earlier_it_still_waits(home: Home) -> None:
    await home.receive(report())
    home.clock.pass_seconds(_TTL - 1)

    assert (await home.parked_reports().apply(home.reading)).affected == 0
    assert "waits until 2026-03-01 12:11:00" in await home.parked_reports().outlook(home.reading)
    home.clock.pass_seconds(1)
    assert (await home.parked_reports().preview(home.reading)).effects == {"expired": 1}
    assert home.database.value("select count(*) from parked_statuses") == 1


async def test_a_report_whose_task_is_there_is_left_to_the_consumers(home: Home) -> None:
    await home.receive(report(), report(id=task_id(2)))
    home.database.run(
        "insert into web_crawl_tasks (id, user_email, user_query, original_url, status, version, attempt, received_at,"
        " created_at, updated_at) values (%s, 'a@b.c', 'q', 'https://example.com/', 'new', 1, 1, now(), now(), now())",
        (task_id(),),
    )
    home.clock.pass_seconds(_TTL)

    assert (await home.parked_reports().preview(home.reading)).effects == {"expired": 1}
    assert (await home.parked_reports().apply(home.reading)).effects == {"expired": 1}
    assert home.database.run("select task_id::text from parked_statuses") == [(task_id(),)]


async def test_a_report_that_is_being_applied_is_left_to_its_consumer(home: Home) -> None:
    await home.receive(report(), report(id=task_id(2)))
    home.clock.pass_seconds(_TTL)
    claims = batch_of([request()]).claims()
    await home.receive(request(id=task_id(3)))  # makes the partition known
    async with home.consumer_store.transaction() as transaction:
        await transaction.load([claims[0]._replace(start=1)], [task_id()], [task_id()])
        assert (await home.parked_reports().apply(home.reading)).effects == {"expired": 1}

    assert home.database.run("select task_id::text from parked_statuses") == [(task_id(),)]


async def test_those_in_front_that_have_to_stay_do_not_hold_up_the_others(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parked_reports, "_STRETCH", 2)
    monkeypatch.setattr(parked_reports, "_STRETCHES_PER_CALL", 2)
    await home.receive(*(report(id=task_id(n)) for n in range(7)))
    home.clock.pass_seconds(_TTL)
    await home.receive(report(id=task_id(8)))
    rule = home.parked_reports()
    with home.database.connected(autocommit=False) as connection, connection.cursor() as cursor:
        cursor.execute("select from parked_statuses order by id limit 3 for update")
        first, second = await rule.apply(home.reading), await rule.apply(home.reading)
        assert (first.effects, first.more) == ({"expired": 1}, True)
        assert (second.effects, second.more) == ({"expired": 3}, False)
        connection.rollback()

    assert (await rule.apply(home.reading)).effects == {"expired": 3}
    assert home.database.value("select count(*) from parked_statuses") == 1
    home.verify()
