"""`taskmanager tasks create --from-file`: every line has its outcome, and nobody has to guess where to go on."""

import json
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from .conftest import Tasks
from .server import Reply, ScriptedServer, drops, fails, says

GOOD = '{"userQuery": "hours", "originalUrl": "https://example.com/", "userEmail": "ann@example.com"}'


def made(request: dict[str, Any]) -> dict[str, Any]:
    """What a server answers that makes all tasks whose query is not `bad`."""
    items = [
        {"index": index, "status": 422, "errors": [{"path": "userQuery", "message": "is bad"}]}
        if task["userQuery"] == "bad"
        else {"index": index, "status": 201, "id": f"id-{index}"}
        for index, task in enumerate(request["tasks"])
    ]
    return {"items": items}


async def makes(request: web.Request) -> web.Response:
    return web.json_response(made(await request.json()))


@pytest.fixture
def write(tmp_path: Path) -> Any:
    def lines(*lines: str) -> str:
        path = tmp_path / "requests.jsonl"
        path.write_text("\n".join(lines) + "\n")
        return str(path)

    return lines


async def test_all_lines_are_created_by_thousands(tasks: Tasks, server: ScriptedServer, write: Any) -> None:
    server.replies(makes)
    result = await tasks("create", "--from-file", write(*[GOOD] * 2500), "--json")
    assert result.exit_code == 0
    answers = [json.loads(line) for line in result.stdout.splitlines()]
    assert [answer["line"] for answer in answers] == list(range(1, 2501))
    assert answers[1001] == {"line": 1002, "id": "id-1"}
    assert len(server.asked) == 3
    assert "2,500 created" in result.stderr
    assert "/s)" in result.stderr


async def test_nothing_is_sent_if_a_line_is_wrong(tasks: Tasks, server: ScriptedServer, write: Any) -> None:
    server.replies(makes)
    result = await tasks("create", "--from-file", write(*[GOOD] * 1500, "", '{"userQuery": 1}', "what?"))
    assert result.exit_code == 1
    assert "line 1502: " in result.stderr
    assert "line 1503: is not valid JSON: " in result.stderr
    assert "2 lines are no requests" in result.stderr
    assert "error: 1 line is no request; nothing was sent" in (await tasks("create", "--from-file", write("[]"))).stderr
    assert server.asked == []


async def test_in_part_the_bad_lines_are_named_and_the_good_ones_created(
    tasks: Tasks, server: ScriptedServer, write: Any
) -> None:
    server.replies(makes)
    unknown = GOOD.replace("userEmail", "email")
    path = write(GOOD, "", "what?", GOOD.replace("hours", "bad"), unknown, GOOD)
    result = await tasks("create", "--from-file", path, "--partial", "--json")
    assert result.exit_code == 1
    answers = {answer["line"]: answer for answer in map(json.loads, result.stdout.splitlines())}
    assert {line: answer.get("id") for line, answer in answers.items()} == {
        1: "id-0", 3: None, 4: None, 5: None, 6: "id-2"
    }  # fmt: skip
    assert "line 4: userQuery: is bad" in result.stderr
    assert "`email`" in result.stderr
    assert "2 created, 3 refused" in result.stderr


async def test_a_refused_batch_names_its_line_and_where_to_go_on(
    tasks: Tasks, server: ScriptedServer, write: Any
) -> None:
    problem = {"path": "tasks[3].userEmail", "message": "must hold exactly one @"}
    server.replies(makes, fails(422, members={"errors": [problem]}))
    result = await tasks("create", "--from-file", write("", *[GOOD] * 1500))
    assert result.exit_code == 1
    assert "line 1005 userEmail: must hold exactly one @" in result.stderr
    assert "nothing from line 1002 on was created; go on with --first-line 1002" in result.stderr
    assert "1,000 created" in result.stderr


@pytest.mark.parametrize(("failure", "is_known"), [(fails(429, Retry_After="100"), True), (drops, False)])
async def test_an_outage_tells_what_is_not_known(
    tasks: Tasks, server: ScriptedServer, write: Any, failure: Reply, is_known: bool
) -> None:
    server.replies(makes, failure)
    result = await tasks("create", "--from-file", write(*[GOOD] * 1500))
    assert result.exit_code == 75
    assert ("--first-line 1001" in result.stderr) is is_known
    assert ("whether lines 1001 to 1500 were created is not known" in result.stderr) is not is_known


async def test_it_goes_on_with_a_line(tasks: Tasks, server: ScriptedServer, write: Any) -> None:
    server.replies(makes)
    result = await tasks("create", "--from-file", write("what?", GOOD, GOOD), "--first-line", "3", "--json")
    assert json.loads(result.stdout) == {"line": 3, "id": "id-0"}


async def test_requests_come_from_a_pipe(tasks: Tasks, server: ScriptedServer) -> None:
    server.replies(makes)
    result = await tasks("create", "--from-file", "-", "--json", stdin=f"\ufeff{GOOD}\n{GOOD}")
    assert [json.loads(line)["line"] for line in result.stdout.splitlines()] == [1, 2]


async def test_a_line_without_end_is_refused(tasks: Tasks, server: ScriptedServer, write: Any) -> None:
    server.replies(makes)
    result = await tasks("create", "--from-file", write(GOOD, "x" * 2_000_000))
    assert result.exit_code == 1
    assert "line 2: is longer than 1,048,576 bytes" in result.stderr


async def test_a_file_without_requests_is_no_failure(tasks: Tasks, server: ScriptedServer, write: Any) -> None:
    server.replies(says({}))
    result = await tasks("create", "--from-file", write(""))
    assert result.exit_code == 0
    assert "0 created" in result.stderr
