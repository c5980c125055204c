"""Which migrations there are, which of them a database lacks, and what may be wrong between the two."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from taskmanager.infrastructure.postgres.migrations import (
    AppliedMigration,
    Migration,
    MigrationError,
    pending_migrations,
    read_migrations,
)
from taskmanager.infrastructure.postgres.statements import sql_directory

_AT = datetime(2026, 1, 2, tzinfo=UTC)


def _known(count: int) -> list[Migration]:
    return [Migration(n, f"{n:04d}_step", f"create table t{n} ();") for n in range(1, count + 1)]


def _applied(count: int) -> list[AppliedMigration]:
    return [AppliedMigration(each.version, each.name, each.checksum, _AT) for each in _known(count)]


def _write(directory: Path, *names: str) -> Path:
    for name in names:
        (directory / name).write_text("select 1;\n", encoding="utf-8")
    return directory


def test_the_migrations_of_the_project_are_in_order() -> None:
    versions = [migration.version for migration in read_migrations(sql_directory() / "migrations")]
    assert versions == list(range(1, len(versions) + 1))


def test_files_are_read_by_version_and_other_files_are_left_alone(tmp_path: Path) -> None:
    _write(tmp_path, "0002_b.sql", "0001_a.sql", "README.md")
    assert [migration.name for migration in read_migrations(tmp_path)] == ["0001_a", "0002_b"]


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        (["0001_a.sql", "0003_c.sql"], "0003_c.sql stands where number 0002 is due"),
        (["0002_b.sql"], "0002_b.sql stands where number 0001 is due"),
        (["0000_a.sql"], "0000_a.sql stands where number 0001 is due"),
        (["0001_a.sql", "0001_b.sql"], "0001_b.sql stands where number 0002 is due"),
        (["1_a.sql"], "1_a.sql is no migration's name"),
        (["0001_A.sql"], "0001_A.sql is no migration's name"),
        (["0001-a.sql"], "0001-a.sql is no migration's name"),
        ([], "there is no migration in"),
    ],
)
def test_a_directory_that_is_not_a_gapless_history_is_refused(tmp_path: Path, names: list[str], problem: str) -> None:
    with pytest.raises(MigrationError, match=problem):
        read_migrations(_write(tmp_path, *names))


@pytest.mark.parametrize("done", [0, 1, 3])
def test_what_is_not_applied_is_pending_in_order(done: int) -> None:
    assert pending_migrations(_known(3), _applied(done)) == _known(3)[done:]


def test_a_database_newer_than_the_code_is_refused() -> None:
    with pytest.raises(MigrationError, match=r"is at migration 3, and this release knows 2: run a release that is"):
        pending_migrations(_known(2), _applied(3))


def test_a_gap_in_what_was_applied_is_refused() -> None:
    with pytest.raises(MigrationError, match=r"lacks migration 0002 and has a later one.*restore"):
        pending_migrations(_known(3), [_applied(3)[0], _applied(3)[2]])


@pytest.mark.parametrize("changed", [{"text": "create table other ();"}, {"name": "0002_other"}])
def test_a_file_that_was_changed_after_it_was_applied_is_refused(changed: dict[str, str]) -> None:
    known = _known(3)
    known[1] = Migration(2, changed.get("name", known[1].name), changed.get("text", known[1].text))
    with pytest.raises(MigrationError, match=r"is not what was applied as 0002_step on 2026-01-02: restore the file"):
        pending_migrations(known, _applied(3))


def test_line_ends_are_no_change() -> None:
    unix, windows = "select 1;\nselect 2;\n", "select 1;\r\nselect 2;\r\n"
    assert Migration(1, "0001_a", unix).checksum == Migration(1, "0001_a", windows).checksum


def test_a_migration_is_one_transaction() -> None:
    migration = Migration(1, "0001_a", "create table a ();\ncreate table b ();\n")
    assert migration.is_transactional
    assert migration.statements == [migration.text]


def test_a_migration_without_transaction_runs_statement_by_statement() -> None:
    text = """\
-- Why this index is wanted; more about it.
-- no transaction

drop index concurrently if exists i;  -- of an attempt that failed
drop index concurrently if exists j;
create index concurrently i
    on t (a)
    where a = ';';
-- the end
"""
    migration = Migration(1, "0001_a", text)
    assert not migration.is_transactional
    first, second, third = migration.statements
    assert first.endswith("drop index concurrently if exists i")
    assert second == "drop index concurrently if exists j"
    assert third == "create index concurrently i\n    on t (a)\n    where a = ';'"


def test_the_words_within_another_comment_do_not_count() -> None:
    assert Migration(1, "0001_a", "-- this needs no transaction\nselect 1;").is_transactional
