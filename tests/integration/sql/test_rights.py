"""What the runtime role may do with the history, and what nobody may."""

from collections.abc import Iterator

import psycopg2
import pytest
from psycopg2.errors import InsufficientPrivilege

from taskmanager.devstack import StackInfo
from tests.scratch import ScratchDatabase, scratch_database

_APPEND = """
    insert into task_events (task_id, version, type, attempt, occurred_at, recorded_at)
    values (gen_random_uuid(), 1, 'TaskCreated', 1, now(), now())
"""
_CHANGES = [
    "update task_events set version = 2",
    "delete from task_events",
    "truncate task_events",
    "update task_events_000000000000000 set version = 2",
    "delete from task_events_000000000000000",
    "truncate task_events_000000000000000",
]


@pytest.fixture(scope="module")
def with_event(server: StackInfo, server_template: str) -> Iterator[ScratchDatabase]:
    """A database that holds one event, appended by the runtime role."""
    with scratch_database(server, server_template) as database:
        database.run(_APPEND, role="app")
        yield database


@pytest.mark.parametrize("change", _CHANGES)
def test_the_runtime_role_cannot_change_or_remove_events(with_event: ScratchDatabase, change: str) -> None:
    with pytest.raises(InsufficientPrivilege, match="permission denied"):
        with_event.run(change, role="app")
    assert with_event.value("select count(*) from task_events where version = 1") == 1


@pytest.mark.parametrize("change", _CHANGES)
def test_not_even_the_owner_changes_or_removes_events(with_event: ScratchDatabase, change: str) -> None:
    with pytest.raises(InsufficientPrivilege, match="append-only"):
        with_event.run(change, role="owner")
    assert with_event.value("select count(*) from task_events where version = 1") == 1


def test_the_append_only_rule_holds_in_partitions_that_are_made_later(migrated: ScratchDatabase) -> None:
    migrated.run("select setval('task_events_seq', 200000000); select ensure_event_partitions()")
    migrated.run(_APPEND, role="app")
    for change in ("delete from task_events_000000200000000", "truncate task_events_000000200000000"):
        with pytest.raises(InsufficientPrivilege, match="append-only"):
            migrated.run(change)


@pytest.mark.parametrize(
    "statement",
    [
        "drop table task_events",
        "drop table web_crawl_tasks",
        "drop table task_events_000000000000000",
        "alter table task_events detach partition task_events_000000000000000",
        "alter table task_events disable trigger all",
        "set session_replication_role = replica",
        "create table more (n int)",
        "create function evil() returns int language sql as 'select 1'",
        "delete from web_crawl_tasks",
        "truncate web_crawl_tasks",
        "delete from refused_reports",
        "delete from dead_letters",
        "delete from consumer_offsets",
        "update schema_migrations set checksum = ''",
        "select setval('task_events_seq', 1)",
    ],
)
def test_the_runtime_role_cannot_change_the_structure_or_remove_records(
    unchanged: ScratchDatabase, statement: str
) -> None:
    with pytest.raises(InsufficientPrivilege):
        unchanged.run(statement, role="app")


def test_others_than_the_owner_and_the_runtime_role_see_nothing(unchanged: ScratchDatabase) -> None:
    with unchanged.connected("superuser", autocommit=False) as connection, connection.cursor() as cursor:
        cursor.execute("create role stranger; set local role stranger")
        for statement in (
            "select from web_crawl_tasks",
            "select ensure_event_partitions()",
            "create table more (n int)",
        ):
            cursor.execute("savepoint before")
            with pytest.raises(InsufficientPrivilege):
                cursor.execute(statement)
            cursor.execute("rollback to before")
        connection.rollback()


@pytest.mark.parametrize(
    "statement",
    [
        "select * from web_crawl_tasks for no key update",
        "select * from consumer_offsets for no key update",
        "select * from parked_statuses for update",
        "update web_crawl_tasks set worker = null",
        "update consumer_offsets set updated_at = now()",
        "update event_readers set epoch = epoch + 1",
        "update dead_letters set state = 'discarded'",
        "delete from parked_statuses",
        "delete from idempotency_keys",
        "delete from bulk_operations",
        "delete from task_counters",
        "insert into task_counters values (now(), 'new', 'consumer-00', 1)",
        "insert into unparked_counts values ('task-status', 0, 'consumer-00', 1, 0)",
        "select * from get_web_crawl_metrics(24)",
        "select pg_current_xact_id(), pg_xact_status(pg_current_xact_id())",
        "select virtualtransaction, mode from pg_locks where relation = 'task_events'::regclass",
        "select last_value from task_events_seq",
    ],
)
def test_the_runtime_role_may_do_what_its_work_needs(unchanged: ScratchDatabase, statement: str) -> None:
    with unchanged.connected("app", autocommit=False) as connection:
        connection.cursor().execute(statement)
        connection.rollback()


def test_an_append_by_a_role_without_the_right_draws_no_number(unchanged: ScratchDatabase) -> None:
    before = unchanged.run("select last_value, is_called from task_events_seq")
    with unchanged.connected("superuser", autocommit=False) as connection, connection.cursor() as cursor:
        cursor.execute("create role stranger; set local role stranger")
        with pytest.raises(psycopg2.Error):
            cursor.execute(_APPEND)
        connection.rollback()
    assert unchanged.run("select last_value, is_called from task_events_seq") == before
