"""`taskmanager tasks` as people and scripts use it."""

import asyncio
import json
import socket
import sys
from pathlib import Path

import click
import msgspec
import pytest

from taskmanager.client import ListedTask
from taskmanager.programs.tasks import rendering

from .conftest import Tasks
from .server import TASK, ScriptedServer, event, fails, frame, opening, says, silent, streams

ID = TASK["id"]
OTHER = "0190f1c2-7a3b-7cde-8f01-000000000002"
DONE = TASK | {"status": "completed", "version": 3, "result": "9 to 17", "durationSeconds": 12.5}
NEW = ("create", "--url", "https://example.com/", "--query", "opening hours", "--email", "ann@example.com")
LISTED = TASK | {"resultOmitted": False}


async def test_create_prints_the_id(tasks: Tasks, server: ScriptedServer) -> None:
    server.replies(says(TASK, 201))
    result = await tasks(*NEW, "--metadata", "campaign=spring", "--metadata", "team=a=b")
    assert (result.exit_code, result.stdout) == (0, f"{ID}\n")
    assert json.loads(server.asked[0].body) == {
        "userQuery": "opening hours", "originalUrl": "https://example.com/", "userEmail": "ann@example.com",
        "metadata": {"campaign": "spring", "team": "a=b"},
    }  # fmt: skip


@pytest.mark.parametrize(("status", "code"), [("completed", 0), ("error", 1), ("cancelled", 1)])
async def test_create_waits_for_the_end(tasks: Tasks, server: ScriptedServer, status: str, code: int) -> None:
    ended = DONE | {"status": status}
    server.replies(says(TASK, 201), streams(opening(0), frame(1), then=silent), says(TASK), says(ended))
    result = await tasks(*NEW, "--wait", "--json")
    assert result.exit_code == code
    assert json.loads(result.stdout)["status"] == status
    assert ID in result.stderr


async def test_waiting_may_take_too_long(tasks: Tasks, server: ScriptedServer) -> None:
    server.replies(says(TASK, 201), streams(opening(0), then=silent), says(TASK))
    result = await tasks(*NEW, "--wait", "--timeout", "0s")
    assert result.exit_code == 75
    assert f"taskmanager tasks watch {ID}" in result.stderr


async def test_get_shows_everything_without_letting_a_terminal_obey(tasks: Tasks, server: ScriptedServer) -> None:
    entry = {"kind": "refused", "recordedAt": "2026-05-04T12:00:00Z", "reason": "stale_attempt", "actor": "key:1"}
    server.replies(says(DONE | {"userQuery": "\x1b[2Jhours"}), says({"items": [entry], "nextCursor": None}))
    result = await tasks("get", ID, "--events", "--as-of", "3")
    assert result.exit_code == 0
    assert server.asked[0].path.endswith("?asOf=3")
    assert "\\x1b[2Jhours" in result.stdout
    for words in ("completed (attempt 1, version 3)", "9 to 17", "12.5 s", "refused (stale_attempt)", "by key:1"):
        assert words in result.stdout


async def test_get_in_json_is_one_document(tasks: Tasks, server: ScriptedServer) -> None:
    server.replies(says(DONE), says({"items": [], "nextCursor": None}))
    assert json.loads((await tasks("get", ID, "--events", "--json")).stdout) == {"task": DONE, "events": []}


async def test_list_asks_for_what_is_wanted(tasks: Tasks, server: ScriptedServer) -> None:
    server.replies(says({"items": [LISTED, LISTED | {"id": OTHER}], "nextCursor": None}))
    result = await tasks(
        "list", "--status", "failed", "--user", "ann@example.com", "--host", "example.com", "--query", "hours",
        "--metadata", "team=x", "--since", "2026-05-04T12:00:00Z", "--oldest-first",
    )  # fmt: skip
    assert result.exit_code == 0
    assert [line.split()[0] for line in result.stdout.splitlines()] == ["ID", ID, OTHER]
    assert server.asked[0].path == (
        "/api/tasks?status=error&userEmail=ann@example.com&host=example.com&q=hours&metadata.team=x"
        "&createdAfter=2026-05-04T12:00:00%2B00:00&sort=createdAt&limit=50"
    )


async def test_list_in_json_is_a_document_a_line(tasks: Tasks, server: ScriptedServer) -> None:
    more = {"items": [LISTED] * 2, "nextCursor": "x"}
    server.replies(says(more), says({"items": [LISTED], "nextCursor": None}))
    result = await tasks("list", "--all", "--json")
    assert [json.loads(line) for line in result.stdout.splitlines()] == [LISTED] * 3
    assert "limit=500" in server.asked[0].path


@pytest.mark.parametrize(
    ("columns", "names"),
    [
        (None, ["ID", "STATUS", "CREATED", "USER", "TASK"]), (140, ["ID", "STATUS", "CREATED", "USER", "TASK"]),
        (120, ["ID", "STATUS", "CREATED", "TASK"]), (80, ["ID", "STATUS", "TASK"]), (71, ["ID", "STATUS", "TASK"]),
    ],
)  # fmt: skip
def test_a_line_of_a_list_fits_the_terminal(columns: int | None, names: list[str]) -> None:
    listed = msgspec.convert(LISTED | {"userQuery": "opening hours " * 20, "userEmail": f"{'a' * 40}@b.c"}, ListedTask)
    assert rendering.list_head(columns).split() == names
    line = click.unstyle(rendering.list_line(listed, columns))
    if columns is None:
        assert line.endswith("opening hours ")
        return
    assert len(line) == columns
    assert all(line[rendering.list_head(columns).index(name) - 1] == " " for name in names[1:])


async def test_list_says_that_there_are_more(tasks: Tasks, server: ScriptedServer) -> None:
    server.replies(says({"items": [LISTED] * 2, "nextCursor": "x"}), says({"items": [LISTED], "nextCursor": None}))
    result = await tasks("list", "--limit", "2", "--json")
    assert len(result.stdout.splitlines()) == 2
    assert "more than 2" in result.stderr


async def test_watch_ends_with_its_task(tasks: Tasks, server: ScriptedServer) -> None:
    last = frame(3, type="TaskCompleted", status="completed", data={"result": "9 to 17"})
    server.replies(streams(opening(0), frame(2), last, then=silent), says(TASK))
    result = await tasks("watch", ID, "--json")
    assert result.exit_code == 0
    assert [json.loads(line)["sequence"] for line in result.stdout.splitlines()] == [2, 3]


async def test_watch_does_not_take_a_former_end_for_the_last(tasks: Tasks, server: ScriptedServer) -> None:
    ends = [frame(sequence, type="TaskFailed", status="error") for sequence in (2, 4)]
    server.replies(
        streams(opening(0), *ends, then=silent), says(TASK | {"status": "error", "version": 4, "attempt": 2})
    )
    result = await tasks("watch", ID, "--after", "0")
    assert len(result.stdout.splitlines()) == 2
    assert "TaskFailed" in result.stdout


async def test_watch_of_what_is_settled_says_so(tasks: Tasks, server: ScriptedServer) -> None:
    server.replies(streams(opening(0), then=silent), says(DONE))
    result = await tasks("watch", ID)
    assert (result.exit_code, result.stdout) == (0, "")
    assert "completed" in result.stderr


@pytest.mark.parametrize(("command", "method", "end"), [("cancel", "POST", "/cancel"), ("retry", "POST", "/retry")])
async def test_changes_go_on_after_one_that_is_refused(
    tasks: Tasks, server: ScriptedServer, command: str, method: str, end: str
) -> None:
    server.replies(fails(409, "the task is completed"), says(TASK | {"id": OTHER}))
    result = await tasks(command, ID, OTHER, ID)
    assert result.exit_code == 1
    assert f"error: {ID}: the task is completed" in result.stderr
    assert OTHER in result.stdout
    assert [(asked.method, asked.path) for asked in server.asked] == [
        (method, f"/api/tasks/{ID}{end}"), (method, f"/api/tasks/{OTHER}{end}")
    ]  # fmt: skip


async def test_delete_says_what_it_did(tasks: Tasks, server: ScriptedServer) -> None:
    server.replies(says(None, 204))
    result = await tasks("delete", ID, "--json")
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout) == {"id": ID, "deleted": True}


async def test_stats_are_a_table(tasks: Tasks, server: ScriptedServer) -> None:
    durations = {"sampleSize": 1000, "p50Seconds": 1.5, "p95Seconds": None}
    figures = {
        "hours": 24, "from": "2026-05-04T12:00:00Z", "to": "2026-05-05T12:00:00Z", "isShortened": False, "total": 1234,
        "tasks": {"new": 34, "completed": 1200}, "createdPerSecond": 0.014, "settledPerSecond": 0.01,
        "durations": {"completed": durations},
    }  # fmt: skip
    server.replies(says(figures))
    result = await tasks("stats", "--hours", "24", "--user", "ann@example.com")
    assert server.asked[0].path == "/api/users/ann@example.com/statistics?hours=24.0"
    assert "completed  1,200  1.5 s       1,000" in result.stdout
    assert json.loads((await tasks("stats", "--json")).stdout)["total"] == 1234


@pytest.mark.parametrize(
    ("reply", "code", "words"),
    [
        (fails(401, "a token is needed"), 78, "TASKMANAGER_TOKEN"),
        (fails(403, "the role reader may not do this"), 1, "reader"),
        (fails(404, "there is no task with this id"), 1, "there is no task"),
        (fails(422, members={"errors": [{"path": "asOf", "message": "is \x1b[0m bad"}]}), 1, "asOf: is \\x1b[0m bad"),
        (fails(500, X_Request_ID="r-17"), 1, "r-17"),
        (says([]), 70, "not what was asked for"),
        (fails(429, "slowly", Retry_After="100"), 75, "slowly"),
    ],
)
async def test_failures_have_their_words_and_codes(
    tasks: Tasks, server: ScriptedServer, reply: object, code: int, words: str
) -> None:
    server.replies(reply)  # type: ignore[arg-type]
    result = await tasks("get", ID)
    assert result.exit_code == code
    assert words in result.stderr
    assert "Traceback" not in result.output


async def test_a_mistake_is_told_once(tasks: Tasks, server: ScriptedServer) -> None:
    problem = {"path": "userEmail", "message": "must hold exactly one @"}
    server.replies(
        fails(422, "the request is not valid: userEmail: must hold exactly one @", members={"errors": [problem]})
    )
    assert (await tasks(*NEW)).stderr == "error: the request is not valid: userEmail: must hold exactly one @\n"


async def test_a_shell_may_have_closed_the_standard_files(server: ScriptedServer) -> None:
    server.replies(says({"items": [LISTED], "nextCursor": None}))
    command = f"exec {sys.executable} -m taskmanager tasks --server {server.url} list <&- >&-"
    process = await asyncio.create_subprocess_exec("sh", "-c", command, stderr=asyncio.subprocess.PIPE)
    assert (await process.communicate(), process.returncode) == ((None, b""), 0)


@pytest.mark.parametrize(("no_colour", "shown"), [("", "\x1b[32mcompleted\x1b[0m"), ("1", "completed")])
def test_colours_can_be_declined(monkeypatch: pytest.MonkeyPatch, no_colour: str, shown: str) -> None:
    monkeypatch.setenv("NO_COLOR", no_colour)
    assert rendering.status_text("completed", width=0) == shown


async def test_a_server_that_is_not_there_is_told_with_its_address(tasks: Tasks) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    result = await tasks("--server", url, "list")
    assert result.exit_code == 75
    assert url in result.stderr
    assert "TASKMANAGER_URL" in result.stderr


async def test_the_token_comes_from_a_file_or_the_environment(
    tasks: Tasks, server: ScriptedServer, tmp_path: Path
) -> None:
    file = tmp_path / "key"
    file.write_text("tm_file\n")
    server.replies(says(TASK))
    await tasks("get", ID, TASKMANAGER_TOKEN="tm_variable")
    await tasks("get", ID, TASKMANAGER_TOKEN="tm_variable", TASKMANAGER_TOKEN_FILE=str(file))
    await tasks("--token-file", str(file), "get", ID)
    await tasks("get", ID)
    shown = [asked.headers.get("Authorization") for asked in server.asked]
    assert shown == ["Bearer tm_variable", "Bearer tm_file", "Bearer tm_file", None]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["create", "--url", "https://example.com/"], "--query"),
        (["create", "--from-file", "x", "--url", "y"], "--from-file goes with"),
        (["create", "--from-file", "/nowhere/at/all"], "cannot be read"),
        (["create", "--url", "x", "--query", "y", "--timeout", "1m"], "--wait"),
        (["create", "--url", "x", "--query", "y", "--metadata", "x"], "NAME=VALUE"),
        (["get", "17"], "UUID"),
        (["list", "--status", "gone"], "in_progress"),
        (["list", "--since", "soon"], "90m or 7d"),
        (["list", "--since", "2026-03-01T09:30:00"], "has no zone"),
        (["watch", ID, "--status", "new"], "leave out"),
        (["cancel"], "ID..."),
        (["--server", "nonsense", "list"], "TASKMANAGER_URL"),
        (["--token-file", "/nowhere", "list"], "does not exist"),
    ],
)
async def test_mistakes_are_told_with_their_remedy(tasks: Tasks, arguments: list[str], words: str) -> None:
    result = await tasks(*arguments)
    assert result.exit_code == 64
    assert words in result.output


async def test_a_token_of_two_lines_is_refused_without_being_shown(tasks: Tasks, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("first\nsecond\n")
    result = await tasks("--token-file", str(file), "list")
    assert result.exit_code == 64
    assert "first" not in result.output


async def test_events_are_lines_for_people(tasks: Tasks, server: ScriptedServer) -> None:
    told = event(3)["recordedAt"][:10]
    last = frame(3, type="TaskFailed", status="error", data={"error": "gone\r\n", "retryable": None}, actor="jwt:bob")
    server.replies(streams(opening(0), last, then=silent), says(TASK))
    line = (await tasks("watch", ID)).stdout
    assert line.startswith(told)
    assert line.endswith("TaskFailed  error=gone\\r\\n  by jwt:bob\n")
