"""History that is old enough is archived and goes by whole partitions."""

from pathlib import Path

import pytest

from tests.builders import task_id
from tests.fakes.messages import report, request
from tests.integration.housekeeping.home import Home
from tests.integration.housekeeping.old_history import DAYS, FIRST, LONG_AGO, SECOND, SIZE, OldHistory


@pytest.fixture
async def old(home: Home, tmp_path: Path) -> OldHistory:
    """History that ends today."""
    old = OldHistory(home, tmp_path / "archive")
    await old.write()
    old.home.verify()
    return old


async def test_what_is_settled_and_old_goes_and_what_goes_on_stays_whole(old: OldHistory) -> None:
    old.pass_days(DAYS + 1)
    rule = old.retention()
    done = await rule.apply(old.home.reading)

    assert (done.effects, done.more) == ({"archived": 5}, True)
    assert old.task_numbers() == [6, 7, 8]
    assert old.bounds()[0] == ("task_events_kept_000000000001000", 0, SIZE)
    assert old.home.events(task_id(6)) == [("TaskCreated", None), ("TaskStarted", None), ("TaskCompleted", None)]
    assert old.home.database.value("select count(*) from task_events where seq < 1000") == 2
    assert old.home.verify().tasks == 3


async def test_an_archive_holds_all_that_was_known(old: OldHistory) -> None:
    database = old.home.database
    tasks = database.run("select to_json(t) from web_crawl_tasks t where id < %s order by id", (task_id(6),))
    events = database.run("select to_json(e) from task_events e where task_id = %s order by version", (task_id(1),))
    refused = database.run("select to_json(r) from refused_reports r where task_id = %s", (task_id(1),))
    old.pass_days(DAYS + 1)
    await old.retention().apply(old.home.reading)
    archived = old.archived(FIRST)

    assert [entry["task"] for entry in archived] == [task for (task,) in tasks]
    assert archived[0]["events"] == [event for (event,) in events]
    assert archived[0]["refusedReports"] == [report for (report,) in refused]
    assert [len(entry["events"]) for entry in archived] == [3, 2, 2, 2, 2]
    assert list(old.directory.iterdir()) == [old.directory / FIRST]
    kept = database.run("select below, file, tasks, events, refused, kept_events from event_archives")
    assert kept == [(SIZE, FIRST, 5, 11, 2, 2)]


async def test_the_next_partition_takes_with_it_what_was_kept_for_it(old: OldHistory) -> None:
    old.pass_days(DAYS + 1)
    rule = old.retention()
    effects = [(await rule.apply(old.home.reading)).effects for _ in range(3)]

    assert effects == [{"archived": 5}, {"archived": 2}, {}]
    assert old.task_numbers() == [8]
    assert old.bounds()[0] == ("task_events_000000000002000", 2 * SIZE, 3 * SIZE)
    assert [len(entry["events"]) for entry in old.archived(SECOND)] == [3, 2]
    assert old.home.database.value("select count(*) from refused_reports") == 0
    old.home.verify()
    await old.home.receive(report("completed", id=task_id(8)))
    old.home.verify()


async def test_a_dry_run_counts_and_changes_nothing(old: OldHistory) -> None:
    old.pass_days(DAYS + 1)

    assert (await old.retention().preview(old.home.reading)).effects == {"archived": 5}
    assert await old.retention().outlook(old.home.reading) == "events up to number 999 can go"
    assert len(old.task_numbers()) == 8
    assert not old.directory.exists()


async def test_nothing_goes_where_history_is_kept_for_ever(old: OldHistory) -> None:
    old.pass_days(10_000)
    rule = old.retention(days=0)

    assert (await rule.apply(old.home.reading)).affected == (await rule.preview(old.home.reading)).affected == 0
    assert "for ever" in await rule.outlook(old.home.reading)


async def assert_stays(old: OldHistory, why: str) -> None:
    rule = old.retention()
    assert (await rule.preview(old.home.reading)).affected == 0
    assert (await rule.apply(old.home.reading)).affected == 0
    assert why in await rule.outlook(old.home.reading)
    assert not old.directory.exists()


async def test_young_history_stays(old: OldHistory) -> None:
    old.pass_days(DAYS - 2)
    await assert_stays(old, f"the last is of {LONG_AGO:%Y-%m-%d}, 2 days too young")


async def test_history_that_a_reader_has_not_passed_stays(old: OldHistory) -> None:
    old.pass_days(DAYS + 1)
    old.read_up_to(SIZE - 2)
    await assert_stays(old, "relay has not read them yet")
    old.read_up_to(SIZE - 1)
    assert (await old.retention().apply(old.home.reading)).affected == 5


async def test_history_that_nobody_has_read_stays(old: OldHistory) -> None:
    old.pass_days(DAYS + 1)
    old.home.database.run("delete from event_readers", role="superuser")
    old.home.database.run("insert into event_readers (name, position) values ('housekeeper', 0)")
    await assert_stays(old, "nobody has read them yet")


async def test_history_of_tasks_that_are_not_settled_stays(home: Home, tmp_path: Path) -> None:
    old = OldHistory(home, tmp_path / "archive")
    await home.receive(request(), request(id=task_id(2)), report("completed", id=task_id(2)))
    old.next_number(SIZE)
    await home.receive(request(id=task_id(3)))
    old.read_up_to(SIZE)
    old.pass_days(DAYS + 1)
    await assert_stays(old, f"1 of their tasks are not settled, such as {task_id()}")
    await home.receive(report("cancelled"))
    assert (await old.retention().apply(home.reading)).affected == 1
    home.verify()


async def test_a_partition_that_is_still_filled_stays(home: Home, tmp_path: Path) -> None:
    old = OldHistory(home, tmp_path / "archive")
    await home.receive(report())
    old.read_up_to(SIZE)
    old.pass_days(DAYS + 1)
    await assert_stays(old, "not been recorded yet")


async def test_between_two_looks_in_vain_time_passes(old: OldHistory) -> None:
    rule = old.retention()
    assert (await rule.apply(old.home.reading)).affected == 0
    old.pass_days(DAYS + 1)
    assert (await rule.apply(old.home.reading)).affected == 5
    old.read_up_to(0)
    assert (await rule.apply(old.home.reading)).affected == 0
    old.read_up_to(2 * SIZE)
    assert (await rule.apply(old.home.reading)).affected == 0, "it has just looked"
    old.home.clock.pass_seconds(600)
    assert (await rule.apply(old.home.reading)).affected == 2
