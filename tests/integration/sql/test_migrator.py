"""The migrator on a real server: all at once or not at all, once however many run, and clear about what is wrong."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from taskmanager.infrastructure.postgres.migrations import MigrationDelayed, MigrationError
from taskmanager.infrastructure.postgres.migrator import MigrationReport, Migrator
from taskmanager.infrastructure.postgres.statements import sql_directory
from tests.scratch import ScratchDatabase

_NEWEST = len(list((sql_directory() / "migrations").glob("*.sql")))
_NOTHING = MigrationReport(_NEWEST, [], functions_replaced=False, role_granted=False, partitions_made=0)
_INVALID_INDEXES = "select count(*) from pg_index where not indisvalid"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A copy of `sql/` to add to."""
    return shutil.copytree(sql_directory(), tmp_path / "sql")


def _add(directory: Path, name: str, text: str) -> str:
    number = len(list((directory / "migrations").glob("*.sql"))) + 1
    path = directory / "migrations" / f"{number:04d}_{name}.sql"
    path.write_text(text, encoding="utf-8")
    return path.stem


def _migrate(
    database: ScratchDatabase,
    directory: Path,
    role: str = "taskmanager_app",
    wait: float = 60,
    waiting: Callable[[], None] = lambda: None,
) -> MigrationReport:
    with database.connected() as connection:
        return Migrator(connection, role, directory).migrate(wait=wait, waiting=waiting)


def _exists(database: ScratchDatabase, relation: str) -> bool:
    return bool(database.value("select to_regclass(%s) is not null", (relation,)))


def test_an_empty_database_gets_everything_and_then_nothing(empty: ScratchDatabase, directory: Path) -> None:
    first = _migrate(empty, directory)
    assert len(first.applied) == first.version == _NEWEST
    assert first.functions_replaced
    assert first.role_granted
    assert first.partitions_made > 0
    assert _migrate(empty, directory) == _NOTHING


def test_the_status_changes_nothing(empty: ScratchDatabase, directory: Path) -> None:
    with empty.connected() as connection:
        before = Migrator(connection, "taskmanager_app", directory).status()
    assert not before.applied
    assert len(before.pending) == _NEWEST
    assert empty.value("select count(*) from pg_class where relnamespace = 'public'::regnamespace") == 0
    _migrate(empty, directory)
    pending = _add(directory, "more", "create table more ();")
    with empty.connected() as connection:
        after = Migrator(connection, "taskmanager_app", directory).status()
    assert len(after.applied) == _NEWEST
    assert [migration.name for migration in after.pending] == [pending]
    assert not _exists(empty, "more")


def test_a_new_migration_is_applied_and_the_runtime_role_may_read_what_it_made(
    migrated: ScratchDatabase, directory: Path
) -> None:
    name = _add(directory, "more", "create table more (n int);")
    report = _migrate(migrated, directory)
    assert list(report.applied) == [name]
    assert report.functions_replaced
    assert report.role_granted
    assert migrated.run("select * from more", role="app") == []


def test_a_migration_that_fails_leaves_nothing_behind(migrated: ScratchDatabase, directory: Path) -> None:
    good = _add(directory, "good", "create table good ();")
    bad = _add(directory, "bad", "create table half (); select 1 / 0;")
    with pytest.raises(MigrationError, match=rf"{bad}.sql failed: division by zero"):
        _migrate(migrated, directory)
    assert _exists(migrated, "good")
    assert not _exists(migrated, "half")
    assert migrated.value("select max(name) from schema_migrations") == good
    (directory / "migrations" / f"{bad}.sql").write_text("create table whole ();", encoding="utf-8")
    assert list(_migrate(migrated, directory).applied) == [bad]


def test_a_file_that_was_changed_after_it_was_applied_is_refused(migrated: ScratchDatabase, directory: Path) -> None:
    (directory / "migrations" / "0002_exceptions.sql").write_text("select 1;", encoding="utf-8")
    _add(directory, "more", "create table more ();")
    with pytest.raises(MigrationError, match=r"0002_exceptions.sql is not what was applied.*restore the file"):
        _migrate(migrated, directory)
    assert not _exists(migrated, "more")


def test_a_database_newer_than_the_code_is_refused(migrated: ScratchDatabase, directory: Path) -> None:
    (directory / "functions" / "statistics.sql").write_text("select 1 / 0;", encoding="utf-8")
    migrated.run("insert into schema_migrations (version, name, checksum) values (%s, 'x', 'x')", (_NEWEST + 1,))
    with pytest.raises(MigrationError, match=rf"is at migration {_NEWEST + 1}, and this release knows {_NEWEST}"):
        _migrate(migrated, directory)


def test_a_gap_in_the_history_of_the_database_is_refused(migrated: ScratchDatabase, directory: Path) -> None:
    migrated.run("delete from schema_migrations where version = 1")
    with pytest.raises(MigrationError, match="lacks migration 0001 and has a later one"):
        _migrate(migrated, directory)


def test_indexes_are_built_concurrently_outside_a_transaction(migrated: ScratchDatabase, directory: Path) -> None:
    name = _add(
        directory,
        "host_index",
        """\
-- no transaction
drop index concurrently if exists by_worker;
create index concurrently by_worker on web_crawl_tasks (worker);
""",
    )
    assert list(_migrate(migrated, directory).applied) == [name]
    assert _exists(migrated, "by_worker")
    assert migrated.value(_INVALID_INDEXES) == 0


def test_an_index_that_failed_half_way_is_built_by_the_next_run(migrated: ScratchDatabase, directory: Path) -> None:
    migrated.run("insert into task_counters values (now(), 'new', 'a', 1), (now(), 'new', 'b', 1)")
    _add(
        directory,
        "unique_status",
        """\
-- no transaction
drop index concurrently if exists one_status;
create unique index concurrently one_status on task_counters (status);
""",
    )
    with pytest.raises(MigrationError, match="failed: could not create unique index"):
        _migrate(migrated, directory)
    assert migrated.value(_INVALID_INDEXES) == 1
    migrated.run("delete from task_counters where slot = 'b'")
    _migrate(migrated, directory)
    assert migrated.value(_INVALID_INDEXES) == 0
    assert _exists(migrated, "one_status")


def test_functions_are_replaced_when_their_text_changes(migrated: ScratchDatabase, directory: Path) -> None:
    path = directory / "functions" / "statistics.sql"
    path.write_text(path.read_text(encoding="utf-8").replace("must be a positive number", "must be more than nothing"))
    assert _migrate(migrated, directory).functions_replaced
    assert "more than nothing" in migrated.value("select prosrc from pg_proc where proname = 'window_start'")
    assert not _migrate(migrated, directory).functions_replaced


def test_the_owner_needs_no_grants(empty: ScratchDatabase, directory: Path) -> None:
    assert not _migrate(empty, directory, role=empty.info.owner_user).role_granted


def test_a_runtime_role_that_does_not_exist_is_named(empty: ScratchDatabase, directory: Path) -> None:
    with pytest.raises(MigrationError, match=r"the role nobody_knows does not exist: create it .*POSTGRES_USER"):
        _migrate(empty, directory, role="nobody_knows")


def test_a_role_that_was_made_anew_gets_its_rights_again(migrated: ScratchDatabase, directory: Path) -> None:
    role = f'Role "{migrated.name}" %s'
    quoted = '"' + role.replace('"', '""') + '"'
    acl = "select has_table_privilege(%(role)s, 'task_events', 'insert')"

    def superuser(statement: str) -> None:
        with migrated.connected("superuser") as connection, connection.cursor() as cursor:
            cursor.execute(statement)

    superuser(f"create role {quoted}")
    try:
        assert _migrate(migrated, directory, role).role_granted
        assert not _migrate(migrated, directory, role).role_granted
        superuser(f"drop owned by {quoted}; drop role {quoted}; create role {quoted}")
        assert not migrated.value(acl, {"role": role})
        assert _migrate(migrated, directory, role).role_granted
        assert migrated.value(acl, {"role": role})
    finally:
        superuser(f"drop owned by {quoted}; drop role {quoted}")


def test_while_another_one_is_at_work_it_waits_and_says_so(migrated: ScratchDatabase, directory: Path) -> None:
    told: list[str] = []
    with migrated.connected() as other:
        Migrator(other, migrated.info.app_user).migrate(wait=0)

        def end_the_other() -> None:
            told.append("waiting")
            other.close()

        assert _migrate(migrated, directory, waiting=end_the_other) == _NOTHING
    assert told == ["waiting"]


def test_it_does_not_wait_for_ever(migrated: ScratchDatabase, directory: Path) -> None:
    with migrated.connected() as other:
        Migrator(other, migrated.info.app_user).migrate(wait=0)
        with pytest.raises(MigrationDelayed, match=r"at work for 0.2 s: run again, or wait longer"):
            _migrate(migrated, directory, wait=0.2)


def test_a_table_that_stays_locked_delays_a_migration(migrated: ScratchDatabase, directory: Path) -> None:
    name = _add(directory, "more", "set local lock_timeout = '50ms'; alter table web_crawl_tasks add column more text;")
    with migrated.connected(autocommit=False) as reader:
        reader.cursor().execute("select * from web_crawl_tasks")
        with pytest.raises(MigrationDelayed, match=f"{name}.sql could not lock a table"):
            _migrate(migrated, directory)
    assert list(_migrate(migrated, directory).applied) == [name]
