"""A client of a scripted server, whose pauses take no time and are remembered."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from functools import partial
from typing import Any

import pytest
from click.testing import CliRunner, Result

from taskmanager.__main__ import main
from taskmanager.client import TaskManagerClient

from .server import ScriptedServer


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    async with ScriptedServer().running() as server:
        yield server


@pytest.fixture
def pauses() -> list[float]:
    return []


@pytest.fixture
async def client(server: ScriptedServer, pauses: list[float]) -> AsyncIterator[TaskManagerClient]:
    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    client = TaskManagerClient(server.url, token="tm_secret", timeout=5)
    client._transport.retrying.sleep = sleep
    async with client:
        yield client


Tasks = Callable[..., Coroutine[Any, Any, Result]]


@pytest.fixture
def tasks(server: ScriptedServer) -> Tasks:
    """Runs `taskmanager tasks` in a thread, beside the server."""

    async def run(*arguments: str, stdin: str | None = None, **environ: str) -> Result:
        environment = {"TASKMANAGER_URL": server.url, "TASKMANAGER_TOKEN": "", "TASKMANAGER_TOKEN_FILE": ""} | environ
        invoke = partial(CliRunner().invoke, main, ["tasks", *arguments], input=stdin, env=environment)
        return await asyncio.to_thread(invoke)

    return run
