"""`taskmanager tasks` as a process: against the API program, and with ends that come early."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from pathlib import Path
from typing import Any

from taskmanager.client import TaskManagerClient
from tests.unit.client.server import TASK, ScriptedServer, opening, says, silent, streams

from .conftest import NEW

_ROOT = Path(__file__).parents[3]
_LISTED = TASK | {"resultOmitted": False}


async def start(url: str, *arguments: str, **streams_: Any) -> Process:
    environment = os.environ | {"TASKMANAGER_URL": url}
    options = {"stdin": DEVNULL, "stdout": PIPE, "stderr": PIPE} | streams_
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "taskmanager", "tasks", *arguments, env=environment, cwd=_ROOT, **options
    )


async def run(url: str, *arguments: str) -> tuple[int | None, str, str]:
    process = await start(url, *arguments)
    out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


async def test_a_task_from_the_shell(url: str, client: TaskManagerClient) -> None:
    code, out, _ = await run(url, "create", "--url", NEW.original_url, "--query", "hours", "--email", "ann@example.com")
    assert code == 0
    task_id = out.strip()
    watch = await start(url, "watch", task_id, "--json")
    assert watch.stderr is not None
    assert b"is new" in await watch.stderr.readline()
    code, out, _ = await run(url, "cancel", task_id)
    assert (code, out) == (0, f"{task_id} is cancelled\n")
    watched, _ = await watch.communicate()
    assert [json.loads(line)["type"] for line in watched.splitlines()] == ["TaskCancelled"]
    assert watch.returncode == 0
    code, out, _ = await run(url, "get", task_id, "--events")
    assert code == 0
    assert "TaskCancelled  by anonymous" in out
    code, out, _ = await run(url, "list", "--status", "cancelled", "--since", "1h", "--json")
    assert [json.loads(line)["id"] for line in out.splitlines()] == [task_id]
    code, out, _ = await run(url, "stats")
    assert code == 0
    assert "1 tasks" in out
    assert (await run(url, "retry", task_id))[0] == 0
    assert (await client.get(task_id)).attempt == 2


async def test_a_file_from_the_shell(url: str, client: TaskManagerClient, tmp_path: Path) -> None:
    line = {"userQuery": "hours", "originalUrl": "https://example.com/", "userEmail": "ann@example.com"}
    lines = [json.dumps(line | {"userQuery": f"q {number}"}) for number in range(1200)]
    lines[700] = json.dumps(line | {"userEmail": "nobody"})
    path = tmp_path / "requests.jsonl"
    path.write_text("\n".join(lines))
    code, out, err = await run(url, "create", "--from-file", str(path))
    assert (code, out) == (1, "")
    assert "line 701 userEmail: must hold exactly one @" in err
    assert "go on with --first-line 1" in err
    code, out, err = await run(url, "create", "--from-file", str(path), "--partial", "--json")
    assert code == 1
    assert "1,199 created, 1 refused" in err
    ids = {answer["id"] for answer in map(json.loads, out.splitlines()) if "id" in answer}
    assert {task.id async for task in client.list_tasks(page_size=500)} == ids


async def test_a_reader_that_has_had_enough_ends_it_quietly() -> None:
    async with ScriptedServer().running() as server:
        server.replies(says({"items": [_LISTED] * 500, "nextCursor": "x"}))
        read, write = os.pipe()
        process = await start(server.url, "list", "--all", stdout=write)
        os.close(write)
        assert await asyncio.to_thread(os.read, read, 100)  # the server runs meanwhile
        os.close(read)
        _, err = await process.communicate()
    assert err == b""
    assert process.returncode == 141


async def test_ctrl_c_ends_a_watch_quietly() -> None:
    async with ScriptedServer().running() as server:
        server.replies(streams(opening(0), then=silent))
        process = await start(server.url, "watch")
        assert process.stderr is not None
        assert b"watching" in await process.stderr.readline()
        process.send_signal(signal.SIGINT)
        _, err = await process.communicate()
    assert process.returncode == 130
    assert b"Traceback" not in err


async def test_ctrl_c_while_a_file_is_sent_tells_what_is_not_known(tmp_path: Path) -> None:
    path = tmp_path / "requests.jsonl"
    path.write_text('{"userQuery": "hours", "originalUrl": "https://example.com/"}\n' * 1500)
    arrived = asyncio.Event()

    async def waits(_request: Any) -> Any:
        arrived.set()
        await asyncio.Event().wait()

    async with ScriptedServer().running() as server:
        server.replies(waits)
        process = await start(server.url, "create", "--from-file", str(path))
        await arrived.wait()
        process.send_signal(signal.SIGINT)
        _, err = await process.communicate()
    assert process.returncode == 130
    assert b"whether lines 1 to 1000 were created is not known" in err
    assert b"0 created" in err


async def test_the_client_needs_no_driver() -> None:
    code = "import sys, taskmanager.client; print(*sys.modules)"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=PIPE, cwd=_ROOT)
    out, _ = await process.communicate()
    heavy = {"aiopg", "psycopg2", "confluent_kafka", "prometheus_client", "opentelemetry", "pydantic", "structlog"}
    assert heavy.isdisjoint(out.decode().split())
