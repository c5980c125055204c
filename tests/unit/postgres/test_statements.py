"""The statements are files of named blocks."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from taskmanager.infrastructure.postgres.statements import load_statements, sql_directory


@pytest.fixture
def queries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("TASKMANAGER_SQL_DIR", str(tmp_path))
    (tmp_path / "queries").mkdir()
    load_statements.cache_clear()
    yield tmp_path / "queries"
    load_statements.cache_clear()


def test_blocks_are_found_by_name_without_their_semicolons(queries: Path) -> None:
    (queries / "x.sql").write_text("-- All of x.\n\n-- name: one\n-- why\nselect 1;\n\n-- name: two\nselect\n  2;\n")

    assert load_statements("x") == {"one": "-- why\nselect 1", "two": "select\n  2"}


def test_a_name_given_twice_is_an_error(queries: Path) -> None:
    (queries / "x.sql").write_text("-- name: one\nselect 1;\n-- name: one\nselect 2;\n")

    with pytest.raises(ValueError, match=r"x\.sql names one twice"):
        load_statements("x")


def test_an_unknown_adapter_is_an_error(queries: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load_statements("y")


def test_the_statements_of_this_checkout_lie_beside_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TASKMANAGER_SQL_DIR", raising=False)

    assert {"load", "copy_tasks", "advance_offsets"} <= load_statements("ingest").keys()
    assert (sql_directory() / "migrations").is_dir()
