"""`taskmanager migrate` as operators and containers run it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from taskmanager.infrastructure.postgres.statements import sql_directory
from tests.scratch import ScratchDatabase

_INHERITED = ("PATH", "HOME", "LANG", "PYTHONPATH", "COVERAGE_PROCESS_START")
_SERVERS_AT_ONCE = 6


def _start(environment: dict[str, str], *arguments: str) -> subprocess.Popen[str]:
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    return subprocess.Popen(
        [sys.executable, "-m", "taskmanager", "migrate", *arguments],
        env=inherited | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _run(environment: dict[str, str], *arguments: str) -> tuple[int, str, str]:
    process = _start(environment, *arguments)
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def test_it_tells_what_it_did_and_that_nothing_is_left(empty: ScratchDatabase) -> None:
    code, out, err = _run(empty.environment)
    assert (code, err) == (0, "")
    assert out.startswith("schema is at migration ")
    assert "applied 0001_tasks_and_events" in out
    code, out, err = _run(empty.environment)
    assert (code, err) == (0, "")
    assert out.endswith("nothing to do\n")


def test_the_status_shows_what_is_pending(empty: ScratchDatabase) -> None:
    code, out, _ = _run(empty.environment, "--status", "--json")
    assert code == 0
    assert json.loads(out)["applied"] == []
    assert "0001_tasks_and_events" in json.loads(out)["pending"]
    code, out, _ = _run(empty.environment, "--status")
    assert code == 0
    assert all(line.startswith("pending") for line in out.splitlines())


def test_containers_that_start_at_once_apply_everything_once(empty: ScratchDatabase, tmp_path: Path) -> None:
    """One of the migrations builds an index concurrently, which waits for every transaction on the server's table."""
    directory = shutil.copytree(sql_directory(), tmp_path / "sql")
    names = sorted(path.stem for path in (directory / "migrations").glob("*.sql"))
    names.append(f"{len(names) + 1:04d}_by_worker")
    (directory / "migrations" / f"{names[-1]}.sql").write_text(
        "-- no transaction\ncreate index concurrently by_worker on web_crawl_tasks (worker);\n", encoding="utf-8"
    )
    environment = empty.environment | {"TASKMANAGER_SQL_DIR": str(directory)}
    processes = [_start(environment, "--json") for _ in range(_SERVERS_AT_ONCE)]
    answers = [process.communicate(timeout=90) for process in processes]
    assert [process.returncode for process in processes] == [0] * _SERVERS_AT_ONCE, answers
    reports = [json.loads(out) for out, _ in answers]
    applied = [name for report in reports for name in report["applied"]]
    assert applied == names
    assert sum(report["functions_replaced"] for report in reports) == 1
    assert sum(report["role_granted"] for report in reports) == 1
    assert sum(report["partitions_made"] > 0 for report in reports) == 1
    assert empty.value("select array_agg(name order by version) from schema_migrations") == names
    assert empty.value("select count(*) from pg_index where not indisvalid") == 0


def test_a_server_that_is_not_there_is_worth_another_try(empty: ScratchDatabase) -> None:
    code, out, err = _run(empty.environment | {"POSTGRES_PORT": "1"}, "--wait", "0.1")
    assert (code, out) == (75, "")
    assert err.startswith("error: connection to server")


@pytest.mark.parametrize("wrong", [{"POSTGRES_OWNER_PASSWORD": "wrong"}, {"POSTGRES_DB": "no_such_database"}])
def test_a_server_that_does_not_let_us_in_is_not(empty: ScratchDatabase, wrong: dict[str, str]) -> None:
    code, out, err = _run(empty.environment | wrong, "--wait", "60")
    assert (code, out) == (70, "")
    assert "FATAL" in err
    assert empty.info.owner_password not in err


def test_a_schema_that_is_too_new_ends_it_with_the_remedy(migrated: ScratchDatabase) -> None:
    migrated.run("insert into schema_migrations (version, name, checksum) values (9999, 'x', 'x')")
    code, out, err = _run(migrated.environment)
    assert (code, out) == (70, "")
    assert "the database is at migration 9999" in err
    assert "run a release that is at least as new" in err


def test_the_snapshot_is_written_from_the_database(migrated: ScratchDatabase, tmp_path: Path) -> None:
    directory = shutil.copytree(sql_directory(), tmp_path / "sql")
    (directory / "schema.sql").unlink()
    code, out, err = _run(migrated.environment | {"TASKMANAGER_SQL_DIR": str(directory)}, "--snapshot")
    assert (code, out, err) == (0, "", "")
    assert (directory / "schema.sql").read_bytes() == (sql_directory() / "schema.sql").read_bytes()


def test_two_tasks_at_once_are_wrong_usage(migrated: ScratchDatabase) -> None:
    code, _, err = _run(migrated.environment, "--status", "--snapshot")
    assert code == 64
    assert "choose one of --status and --snapshot" in err
