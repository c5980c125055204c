"""Two API programs on one database, each with a client."""

import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any, NamedTuple

import orjson
import pytest
from aiohttp import ClientSession, TCPConnector
from multidict import CIMultiDictProxy

from taskmanager.config.settings import load_settings
from taskmanager.programs.api.application import ApiApplication
from taskmanager.programs.factory import ApplicationFactory
from tests.integration.ingest import writers
from tests.scratch import ScratchDatabase

TASK: dict[str, Any] = {
    "userEmail": "ann@example.com",
    "userQuery": "opening hours",
    "originalUrl": "https://example.com/contact",
}


class Reply(NamedTuple):
    """An answer that was read to its end."""

    status: int
    headers: CIMultiDictProxy[str]
    raw: bytes

    @property
    def body(self) -> Any:
        return orjson.loads(self.raw)


class Api:
    """A client of one API program."""

    def __init__(self, session: ClientSession) -> None:
        self._session = session

    async def send(self, method: str, path: str, body: object = None, **headers: str) -> Reply:
        """One request; a body that is no bytes is sent as JSON, and a header's name is written with underscores."""
        data = body if isinstance(body, bytes) else None if body is None else orjson.dumps(body)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if data is not None:
            named["Content-Type"] = "application/json"
        async with self._session.request(method, path, data=data, headers=named) as response:
            return Reply(response.status, response.headers, await response.read())

    async def create(self, body: object = TASK, **headers: str) -> Reply:
        """POST /api/tasks"""
        return await self.send("POST", "/api/tasks", body, **headers)

    async def created(self, **changes: object) -> str:
        """The path of a new task."""
        reply = await self.create(TASK | changes)
        assert reply.status == 201, reply.raw
        return reply.headers["Location"]


def broken_promises(database: ScratchDatabase) -> list[tuple[str, str]]:
    """Every way in which tasks, events and counts contradict each other; none of them came from Kafka."""
    return [each for each in writers.broken_promises(database) if each[0] in {"versions", "task", "counter"}]


@pytest.fixture
async def apis(database: ScratchDatabase) -> AsyncIterator[tuple[Api, Api]]:
    """Two programs that share nothing but the database."""
    async with AsyncExitStack() as stack:
        made = []
        for number in range(2):
            with socket.create_server(("127.0.0.1", 0)) as free:
                port = free.getsockname()[1]
            settings = load_settings(database.environment | {"APP_PORT": str(port), "METRICS_ENABLED": "false"})
            application = ApiApplication(ApplicationFactory(settings, f"api-0{number}"))
            await application.start()
            stack.push_async_callback(application.stop)
            session = ClientSession(f"http://127.0.0.1:{port}", connector=TCPConnector(limit=0))
            made.append(Api(await stack.enter_async_context(session)))
        yield made[0], made[1]


@pytest.fixture
def api(apis: tuple[Api, Api]) -> Api:
    return apis[0]
