"""A client of a scripted server, whose pauses take no time and are remembered."""

from collections.abc import AsyncIterator

import pytest

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
