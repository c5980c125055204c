"""`taskmanager dlq` as operators use it."""

import asyncio
import json
import logging
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import orjson
import pytest
import structlog
from click.testing import CliRunner, Result
from psycopg2.extensions import parse_dsn

from taskmanager.__main__ import main
from taskmanager.application.commands import InboundMessage
from taskmanager.infrastructure.postgres.session import Session
from tests.builders import task_id
from tests.fakes.batches import numbered
from tests.fakes.messages import body, report, request
from tests.integration.ingest.writers import Writer
from tests.scratch import ScratchDatabase

_Dlq = Callable[..., Result]
_SECRET = "someone@private.example"


@pytest.fixture(autouse=True)
def _logs() -> Iterator[None]:
    """The command sets up the logs of its process, which is that of the tests."""
    handlers, level = list(logging.root.handlers), logging.root.level
    yield
    logging.captureWarnings(capture=False)
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture
def dlq(database: ScratchDatabase) -> _Dlq:
    """Runs the command on the test's database."""

    def run(*arguments: str, given: bytes = b"", **environ: str) -> Result:
        environment = database.environment | {"USER": "ann"} | environ
        return CliRunner().invoke(main, ["dlq", *arguments], input=given, env=environment)

    return run


def receive(database: ScratchDatabase, messages: Sequence[InboundMessage]) -> None:
    async def write() -> None:
        session = Session(parse_dsn(database.dsn("app")), timeout=30)
        await Writer(session, "0-consumer-00").receive(numbered(messages))
        await session.close()

    asyncio.run(write())


@pytest.fixture
def letters(database: ScratchDatabase) -> ScratchDatabase:
    """1: a request that names a private address, 2: a report of another version, 3: a tombstone, 4: bytes."""
    receive(
        database,
        [
            request(body(userEmail=_SECRET, userQuery=None), headers={"correlation_id": "c\x1b[2J"}, key=b"\xff"),
            report("started", id=task_id(2), headers={"version": "2"}),
            request(None, id=task_id(3)),
            request(b"\xff\x1b\x00", id=task_id(4)),
        ],
    )
    return database


def test_a_list_for_people_shows_no_body(letters: ScratchDatabase, dlq: _Dlq) -> None:
    result = dlq("list")
    assert (result.exit_code, result.stderr) == (0, "")
    header, *lines = result.stdout.splitlines()
    assert header.split() == ["ID", "RECORDED", "POSITION", "REASON", "STATE", "TASK", "BYTES", "DETAIL"]
    assert [line.split()[0] for line in lines] == ["1", "2", "3", "4"]
    assert "missing_field" in lines[0]
    assert "requests-web-crawl/0/0" in lines[0]
    assert _SECRET not in result.output


def test_a_list_for_machines(letters: ScratchDatabase, dlq: _Dlq) -> None:
    result = dlq("list", "--json", "--reason", "unsupported_version", "--reason", "tombstone", "--limit", "1")
    assert json.loads(result.stdout) == [
        {
            "id": 3, "topic": "requests-web-crawl", "partition": 0, "offset": 1, "reason": "tombstone",
            "detail": "the message has no body", "taskId": task_id(3), "state": "open", "bytes": None,
            "recordedAt": "2026-03-01T12:01:00+00:00", "settledAt": None, "settledBy": None,
        }
    ]  # fmt: skip
    assert "--before 3" in dlq("list", "--reason", "tombstone", "--limit", "1").stdout
    assert dlq("list", "--before", "1").stdout == "no dead letter matches\n"


def test_filters_reach_the_database(letters: ScratchDatabase, dlq: _Dlq) -> None:
    def ids(*arguments: str) -> list[int]:
        return [letter["id"] for letter in json.loads(dlq("list", "--json", *arguments).stdout)]

    assert ids("--topic", "task-status") == [2]
    assert ids("--task", task_id(4).upper()) == [4]
    assert ids("--partition", "7") == []
    assert ids("--since", "2026-03-01T12:01:00Z", "--until", "2026-03-01T13:01:01+01:00") == [1, 2, 3, 4]
    assert ids("--since", "2026-03-01T12:01:01Z") == []
    assert ids("--state", "replayed") == []
    assert ids("--state", "all") == [1, 2, 3, 4]


def test_statistics(letters: ScratchDatabase, dlq: _Dlq) -> None:
    assert dlq("discard", "3").exit_code == 0
    assert [
        (count["reason"], count["state"], count["letters"])
        for count in json.loads(dlq("stats", "--json", "--state", "all").stdout)
    ] == [
        ("invalid_encoding", "open", 1),
        ("missing_field", "open", 1),
        ("tombstone", "discarded", 1),
        ("unsupported_version", "open", 1),
    ]
    assert dlq("stats").stdout.splitlines()[-1] == "3 dead letters"


def test_a_letter_in_full(letters: ScratchDatabase, dlq: _Dlq) -> None:
    shown = dlq("show", "1").stdout
    assert "missing_field: userQuery is missing" in shown
    assert "Send the member that the detail names." in shown
    assert f"task      {task_id()}, which is not there" in shown
    assert "key       ff (not UTF-8)" in shown
    assert "correlation_id  c\\x1b[2J" in shown
    assert _SECRET in shown
    assert "taskmanager dlq replay 1" in shown
    assert "00000000  ff 1b 00" in dlq("show", "4").stdout
    assert "no value (a tombstone)" in dlq("show", "3").stdout
    assert "\x1b" not in shown + dlq("show", "4").stdout


def test_a_letter_for_machines(letters: ScratchDatabase, dlq: _Dlq) -> None:
    document = json.loads(dlq("show", "4", "--json").stdout)
    assert document["reason"] == "invalid_encoding"
    assert document["advice"] == "Encode the body as UTF-8."
    assert document["message"] == {
        "timestamp": 1772366400000, "key": None, "headers": [["id", task_id(4)]], "value": {"base64": "/xsA"},
    }  # fmt: skip
    assert (document["task"], document["history"]) == (None, [])


def test_the_bytes_alone(letters: ScratchDatabase, dlq: _Dlq) -> None:
    assert dlq("show", "4", "--raw").stdout_bytes == b"\xff\x1b\x00"
    result = dlq("show", "3", "--raw")
    assert (result.stdout_bytes, result.exit_code) == (b"", 0)
    assert "tombstone" in result.stderr


def test_a_letter_that_is_not_there(letters: ScratchDatabase, dlq: _Dlq) -> None:
    for arguments in (["show", "99"], ["replay", "99"], ["discard", "99"]):
        result = dlq(*arguments)
        assert result.exit_code == 1
        assert "99" in result.output


def test_correcting_one_message(letters: ScratchDatabase, dlq: _Dlq, tmp_path: Path) -> None:
    raw = dlq("show", "1", "--raw").stdout_bytes
    corrected = tmp_path / "value.json"
    corrected.write_bytes(orjson.dumps(orjson.loads(raw) | {"userQuery": "hours"}))
    would = dlq("replay", "1", "--value-file", str(corrected), "--drop-header", "correlation_id", "--dry-run")
    assert (would.exit_code, would.stdout) == (0, "      1 would be created\n")
    result = dlq("replay", "1", "--value-file", "-", "--drop-header", "correlation_id", given=corrected.read_bytes())
    assert (result.exit_code, result.stdout) == (0, "      1 created\n")

    assert letters.run("select id::text, user_email, correlation_id from web_crawl_tasks") == [
        (task_id(), _SECRET, None)
    ]
    document = json.loads(dlq("show", "1", "--json").stdout)
    assert (document["state"], document["settledBy"], document["task"]["status"]) == ("replayed", "ann", "new")
    (entry,) = document["history"]
    assert (entry["action"], entry["by"], entry["outcome"]) == ("replay", "ann", "created")
    assert entry["edited"]["headers"] == [["id", task_id()]]
    assert document["message"]["value"] == raw.decode()
    shown = dlq("show", "1").stdout
    assert "replay by ann, edited: created" in shown
    assert f"task      {task_id()} (new, version 1)" in shown


def test_a_message_that_is_still_wrong_ends_with_1(letters: ScratchDatabase, dlq: _Dlq) -> None:
    result = dlq("replay", "1", "2", "--json", "--as", "bob")
    assert result.exit_code == 1
    assert json.loads(result.stdout) == {
        "dryRun": False, "letters": 2, "outcomes": {}, "stillDead": {"missing_field": 1, "unsupported_version": 1},
        "alreadySettled": {}, "notThere": [],
        "examples": [
            {"id": 1, "outcome": "missing_field", "detail": "userQuery is missing"},
            {"id": 2, "outcome": "unsupported_version", "detail": "header version must be 1 or 1.x"},
        ],
    }  # fmt: skip
    assert "failed_replay by bob: missing_field: userQuery is missing" in dlq("show", "1").stdout
    assert "still dead: missing_field. Send the member" in dlq("replay", "1").stdout


def test_replaying_by_filter(letters: ScratchDatabase, dlq: _Dlq) -> None:
    edit = ("--reason", "unsupported_version", "--drop-header", "version")
    would = dlq("replay", *edit, "--dry-run", "--json")
    assert (would.exit_code, json.loads(would.stdout)["stillDead"]) == (1, {"unknown_task": 1})
    receive(letters, [*[request(id=task_id(9))] * 3, request(id=task_id(2))])
    assert letters.value("select count(*) from web_crawl_tasks") == 1
    result = dlq("replay", *edit, "--yes", "--json")

    assert (result.exit_code, json.loads(result.stdout)["outcomes"]) == (0, {"applied": 1})
    assert letters.run("select status::text from web_crawl_tasks") == [("in_progress",)]
    assert dlq("replay", "--all", "--topic", "task-status").exit_code == 64
    assert dlq("replay", "--topic", "task-status", "--yes").stdout == "no open letter matches\n"
    assert dlq("replay", "2").stdout == "      1 replayed before, left alone\n"


def test_discarding(letters: ScratchDatabase, dlq: _Dlq) -> None:
    result = dlq("discard", "1", "2", "--why", "sent by a test", "--as", "bob")
    assert (result.exit_code, result.stdout) == (0, "2 letters discarded\n")
    assert "discard by bob: sent by a test" in dlq("show", "1").stdout
    again = dlq("discard", "1", "3", "--json")
    assert (again.exit_code, json.loads(again.stdout)) == (1, {"discarded": 1, "left": {"1": "discarded"}})
    assert "letter 1 is discarded already" in again.stderr
    assert dlq("discard", "--all", "--yes").stdout == "1 letter discarded\n"
    assert letters.run("select distinct state from dead_letters") == [("discarded",)]


def test_a_database_that_does_not_answer_is_worth_another_try(dlq: _Dlq) -> None:
    result = dlq("list", POSTGRES_PORT="1")
    assert (result.exit_code, result.stdout) == (75, "")
    assert result.stderr.startswith("error: ")


def test_a_database_without_tables_says_what_to_do(empty_database: ScratchDatabase, dlq: _Dlq) -> None:
    result = dlq("stats", POSTGRES_DB=empty_database.name)
    assert result.exit_code == 70
    assert "taskmanager migrate" in result.stderr


def test_after_all_that_history_is_whole(letters: ScratchDatabase, dlq: _Dlq) -> None:
    dlq("replay", "4", "--value-file", "-", given=orjson.dumps(body()))
    dlq("discard", "3")
    dlq("replay", "--all", "--yes")
    verified = CliRunner().invoke(main, ["verify", "--no-kafka"], env=letters.environment)
    assert (verified.exit_code, verified.stdout.split(":")[0]) == (0, "clean")
