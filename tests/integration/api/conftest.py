"""The API program on the real database and brokers, with a line to each that a test can cut."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from uuid import uuid4

import pytest
from aiohttp import ClientSession

from taskmanager.config.settings import load_settings
from taskmanager.devstack import StackInfo
from taskmanager.devstack.topics import create_topics, delete_topics
from taskmanager.programs.api.application import ApiApplication
from taskmanager.programs.factory import ApplicationFactory
from tests.scratch import ScratchDatabase


class Line:
    """A TCP line to a server that can be cut and mended; `port` is its near end on loopback."""

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]

    async def mend(self) -> None:
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", self.port)

    async def cut(self) -> None:
        if self._server is not None:
            self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(*self._target)
        self._writers |= {writer, far_writer}
        with suppress(OSError, asyncio.CancelledError):  # the latter at the end of the test
            await asyncio.gather(self._pump(reader, far_writer), self._pump(far_reader, writer))
        self._writers -= {writer, far_writer}

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        finally:
            writer.transport.abort()


@pytest.fixture
def topics(stack: StackInfo) -> Iterator[dict[str, str]]:
    """Two topics of the test's own, as the environment names them."""
    names = {"WEB_CRAWL_REQUEST_TOPIC": f"requests-{uuid4().hex[:8]}", "TASK_STATUS_TOPIC": f"status-{uuid4().hex[:8]}"}
    create_topics(stack.kafka_brokers, dict.fromkeys(names.values(), 2))
    yield names
    delete_topics(stack.kafka_brokers, list(names.values()))


@pytest.fixture
async def database_line(database: ScratchDatabase) -> AsyncIterator[Line]:
    line = Line((database.info.postgres_host, database.info.postgres_port))
    await line.mend()
    yield line
    await line.cut()


@pytest.fixture
def environment(database: ScratchDatabase, topics: dict[str, str], database_line: Line) -> dict[str, str]:
    """Settings of an API that reaches the database by the line and asks afresh each time."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    return database.environment | topics | {
        "POSTGRES_PORT": str(database_line.port),
        "APP_PORT": str(port),
        "HEALTH_CHECK_CACHE_MS": "0",
        "HEALTH_CHECK_TIMEOUT_MS": "1500",
        "METRICS_CACHE_MS": "0",
        "METRICS_ENABLED": "false",
    }  # fmt: skip


@asynccontextmanager
async def serving(environment: dict[str, str]) -> AsyncIterator[ClientSession]:
    """A client of an API with this environment."""
    settings = load_settings(environment)
    application = ApiApplication(ApplicationFactory(settings, "api-00"))
    await application.start()
    try:
        async with ClientSession(f"http://127.0.0.1:{settings.app.port}") as client:
            yield client
    finally:
        await application.stop()


@pytest.fixture
async def client(environment: dict[str, str]) -> AsyncIterator[ClientSession]:
    async with serving(environment) as client:
        yield client
