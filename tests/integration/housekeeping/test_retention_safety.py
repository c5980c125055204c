"""Nothing of history is lost, whatever happens between archiving and removing."""

import asyncio
import threading
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path

import psycopg2
import pytest
from psycopg2.errors import InsufficientPrivilege, InvalidParameterValue, ObjectNotInPrerequisiteState
from psycopg2.extensions import parse_dsn

from taskmanager.application.ports import StoreUnavailable
from taskmanager.application.use_cases.housekeeping.retention import Candidate, Contents, Retention
from taskmanager.infrastructure.archive_directory import ArchiveDirectory
from taskmanager.infrastructure.postgres.retention import PostgresOldHistory
from tests.builders import task_id
from tests.fakes.messages import report, request
from tests.faults.waiting import until
from tests.integration.housekeeping.home import Home
from tests.integration.housekeeping.old_history import DAYS, FIRST, SIZE, OldHistory

_APPEND = """insert into task_events (task_id, version, type, attempt, occurred_at, recorded_at)
    values (gen_random_uuid(), 1, 'TaskCreated', 1, now(), now())"""


@pytest.fixture
async def old(home: Home, tmp_path: Path) -> OldHistory:
    """History that may go."""
    old = OldHistory(home, tmp_path / "archive")
    await old.write()
    old.pass_days(DAYS + 1)
    return old


class Interrupted(ArchiveDirectory):
    """Ends as a full disk does, after two tasks."""

    def write(self, name: str, lines: Iterable[str], approve: Callable[[int], None]) -> None:
        def until_full() -> Iterable[str]:
            for number, line in enumerate(lines):
                if number == 2:
                    raise OSError(28, "No space left on device")
                yield line

        super().write(name, until_full(), approve)


class Meanwhile(ArchiveDirectory):
    """Lets something happen once the archive is written."""

    def __init__(self, path: Path, home: Home, *statements: str) -> None:
        super().__init__(path)
        self._home = home
        self._statements = statements

    def write(self, name: str, lines: Iterable[str], approve: Callable[[int], None]) -> None:
        super().write(name, lines, approve)
        for statement in self._statements:
            self._home.database.run(statement, role="superuser")


async def test_a_full_disk_leaves_neither_half_an_archive_nor_half_a_history(old: OldHistory) -> None:
    with pytest.raises(OSError, match="No space left"):
        await old.retention(archive=Interrupted(old.directory)).apply(old.home.reading)

    assert list(old.directory.iterdir()) == []
    assert len(old.task_numbers()) == 8
    old.home.verify()
    assert (await old.retention().apply(old.home.reading)).affected == 5


async def test_after_a_crash_behind_the_archive_it_is_made_again(old: OldHistory) -> None:
    crash = Meanwhile(old.directory, old.home, "select pg_catalog.pg_sleep(0), 1/0")
    with pytest.raises(psycopg2.errors.DivisionByZero):
        await old.retention(archive=crash).apply(old.home.reading)
    assert len(old.archived(FIRST)) == 5
    assert len(old.task_numbers()) == 8

    assert (await old.retention().apply(old.home.reading)).affected == 5
    assert len(old.archived(FIRST)) == 5
    old.home.verify()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("update web_crawl_tasks set updated_at = now() where status = 'cancelled'", "1 changed since"),
        ("update web_crawl_tasks set status = 'new' where status = 'cancelled'", "1 not settled"),
        ("update event_readers set position = 7", "not read yet by relay"),
        (
            "with cancelled as (select id from web_crawl_tasks where status = 'cancelled')"  # noqa: ISC004
            " insert into refused_reports (task_id, reason, detail, report, occurred_at, recorded_at)"
            " select id, '', '', '{}', now(), now() from cancelled",
            "3 refused reports; archived were 2",
        ),
        (
            "with retried as (update web_crawl_tasks set version = 3 where status = 'cancelled' returning id)"  # noqa: ISC004
            " insert into task_events (task_id, version, type, attempt, occurred_at, recorded_at)"
            " select id, 3, 'TaskRetried', 2, now(), now() from retried",
            "4 tasks",
        ),
    ],
)
async def test_what_has_changed_since_it_was_archived_stays(old: OldHistory, change: str, told: str) -> None:
    with pytest.raises(StoreUnavailable, match=told):
        await old.retention(archive=Meanwhile(old.directory, old.home, change)).apply(old.home.reading)

    assert len(old.task_numbers()) == 8
    assert old.home.database.value("select count(*) from event_archives") == 0
    assert old.home.database.value("select count(*) from archived_counts") == 0


async def test_a_task_that_is_retried_while_it_is_archived_stays(old: OldHistory) -> None:
    with old.home.database.connected("app", autocommit=False) as writer:
        writer.cursor().execute("select 1 from web_crawl_tasks where id = %s for no key update", (task_id(2),))
        removal = asyncio.create_task(old.retention().apply(old.home.reading))
        await asyncio.to_thread(until, old.home.somebody_waits_for_a_lock, "the removal waits for the row")
        writer.cursor().execute("update web_crawl_tasks set version = 3, status = 'new' where id = %s", (task_id(2),))
        writer.commit()
        with pytest.raises(StoreUnavailable, match="4 tasks"):
            await removal

    assert len(old.task_numbers()) == 8


async def test_writers_are_never_held_up_for_long(old: OldHistory) -> None:
    database = old.home.database
    with database.connected("app", autocommit=False) as slow:
        slow.cursor().execute(_APPEND)
        removal = asyncio.create_task(old.retention().apply(old.home.reading))
        await asyncio.to_thread(until, old.home.somebody_waits_for_a_lock, "the removal waits for the log")
        with database.connected("app", autocommit=False) as other:
            other.cursor().execute("set lock_timeout = '5s'")
            await asyncio.to_thread(other.cursor().execute, _APPEND)
            await asyncio.to_thread(other.cursor().execute, "select ensure_event_partitions(9, 1000)")
            other.rollback()
        assert not removal.done()
        slow.rollback()
    assert (await removal).affected == 5
    old.home.verify()


async def test_a_cancelled_rule_gives_up_the_removal(old: OldHistory) -> None:
    with old.home.database.connected("app", autocommit=False) as slow:
        slow.cursor().execute("select 1 from web_crawl_tasks where id = %s for no key update", (task_id(2),))
        removal = asyncio.create_task(old.retention().apply(old.home.reading))
        await asyncio.to_thread(until, old.home.somebody_waits_for_a_lock, "the removal waits for the row")
        removal.cancel()
        with pytest.raises(asyncio.CancelledError):
            await removal
        assert not old.home.somebody_waits_for_a_lock()
        slow.rollback()
    assert len(old.task_numbers()) == 8
    assert (await old.retention().apply(old.home.reading)).affected == 5


async def test_of_two_at_once_one_archives_and_the_other_finds_that_out(old: OldHistory) -> None:
    other = old.retention()
    with old.home.database.connected("app", autocommit=False) as slow:
        slow.cursor().execute(_APPEND)
        removal = asyncio.create_task(old.retention().apply(old.home.reading))
        await asyncio.to_thread(until, old.home.somebody_waits_for_a_lock, "the removal waits for the log")
        assert (await other.apply(old.home.reading)).affected == 0
        assert await other.outlook(old.home.reading) == "another process is archiving"
        slow.rollback()
    assert (await removal).affected == 5
    assert len(old.archived(FIRST)) == 5


class OfYesterday(PostgresOldHistory):
    """Believes that a candidate is there which has gone."""

    def candidate(self, cutoff: datetime) -> Candidate | None:
        return Candidate(0, SIZE, None)


async def test_an_archive_whose_history_has_gone_is_never_replaced(old: OldHistory) -> None:
    await old.retention().apply(old.home.reading)
    history = OfYesterday(parse_dsn(old.home.database.dsn("app")))
    late = Retention(history, ArchiveDirectory(old.directory), old.home.clock, days=DAYS)
    with pytest.raises(StoreUnavailable, match="what it holds has been removed"):
        await late.apply(old.home.reading)

    assert len(old.archived(FIRST)) == 5
    with pytest.raises(ObjectNotInPrerequisiteState, match="was removed before"):
        old.home.database.run("select retire_events(1000, '2020-02-01', 0, 0, 0, '')", role="app")


async def test_whoever_waits_for_a_row_that_is_to_go_has_precedence(old: OldHistory) -> None:
    with old.home.database.connected("app", autocommit=False) as slow:
        slow.cursor().execute(_APPEND)
        removal = asyncio.create_task(old.retention().apply(old.home.reading))
        await asyncio.to_thread(until, old.home.somebody_waits_for_a_lock, "the removal waits for the log")
        with old.home.database.connected("app", autocommit=False) as late:
            late.cursor().execute("set lock_timeout = '5s'")
            row = "select 1 from web_crawl_tasks where id = %s for no key update"
            await asyncio.to_thread(late.cursor().execute, row, (task_id(2),))
            with pytest.raises(StoreUnavailable, match="gives way"):
                await removal
        slow.rollback()
    assert len(old.task_numbers()) == 8
    assert (await old.retention().apply(old.home.reading)).affected == 5
    old.home.verify()


async def test_what_is_kept_is_not_looked_through_while_all_writers_wait(old: OldHistory) -> None:
    with old.home.database.connected("app") as connection, connection.cursor() as cursor:
        cursor.execute("set client_min_messages = debug1")
        cursor.execute("select retire_events(1000, '2020-02-01', 5, 11, 2, '')")
        told = [notice for notice in connection.notices if "is implied by existing constraints" in notice]

    assert len(told) == 1
    checks = "select count(*) from pg_constraint where contype = 'c' and conrelid = %s::regclass"
    assert old.home.database.value(checks, (old.bounds()[0][0],)) == 0


class Waiting(ArchiveDirectory):
    """Stands still behind the first task."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.begun, self.may_go_on = threading.Event(), threading.Event()

    def write(self, name: str, lines: Iterable[str], approve: Callable[[int], None]) -> None:
        def slowly() -> Iterable[str]:
            for line in lines:
                yield line
                self.begun.set()
                self.may_go_on.wait(30)

        super().write(name, slowly(), approve)


async def test_a_rule_that_is_cancelled_between_two_statements_removes_nothing(old: OldHistory) -> None:
    archive = Waiting(old.directory)
    removal = asyncio.create_task(old.retention(archive=archive).apply(old.home.reading))
    await asyncio.to_thread(archive.begun.wait, 30)
    removal.cancel()
    await asyncio.sleep(0)
    archive.may_go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await removal

    assert list(old.directory.iterdir()) == []
    assert len(old.task_numbers()) == 8


async def test_young_history_cannot_be_removed_even_by_asking_the_database(old: OldHistory) -> None:
    with pytest.raises(InvalidParameterValue, match="within the last day"):
        old.home.database.run("select retire_events(1000, now(), 5, 11, 2, '')", role="app")
    no_bound = Candidate(0, SIZE - 1, None)
    with pytest.raises(StoreUnavailable, match="no partition ends at 999"):
        old.history.remove(no_bound, old.home.clock.now(), Contents(5, 11, 2), "")
    with old.home.database.connected("superuser", autocommit=False) as connection, connection.cursor() as cursor:
        cursor.execute("create role passer_by; set local role passer_by")
        with pytest.raises(InsufficientPrivilege):
            cursor.execute("select retire_events(1000, now() - interval '9 days', 5, 11, 2, '')")
        connection.rollback()


async def test_what_was_kept_is_as_append_only_as_the_rest(old: OldHistory) -> None:
    await old.retention().apply(old.home.reading)
    kept = old.bounds()[0][0]
    for change in ("delete from {}", "update {} set version = 2", "truncate {}"):
        with pytest.raises(InsufficientPrivilege, match="append-only"):
            old.home.database.run(change.format(kept))


async def test_a_task_that_was_removed_may_be_asked_for_again(old: OldHistory) -> None:
    await old.retention().apply(old.home.reading)
    await old.home.receive(request(), report("completed"))

    assert old.home.verify().tasks == 4


async def test_the_runtime_role_cannot_write_the_books_of_what_was_archived(old: OldHistory) -> None:
    for statement in (
        "insert into event_archives values (1, '', 0, 0, 0, 0)",
        "insert into archived_counts values ('', 0, 0, 0, 0)",
        "update archived_counts set created = 0",
    ):
        with pytest.raises(InsufficientPrivilege):
            old.home.database.run(statement, role="app")


async def test_the_checker_sees_what_is_gone_and_not_in_the_books(old: OldHistory) -> None:
    await old.retention().apply(old.home.reading)
    old.home.database.run("update archived_counts set created = created - 1, refused = refused + 1")

    assert {kind.value for kind in old.home.findings().totals} == {"created_events", "parked_reports"}
