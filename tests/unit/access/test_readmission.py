"""Streams end for those who may listen no more."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import ClientPayloadError, web
from aiohttp.test_utils import TestClient
from pytest_aiohttp.plugin import AiohttpClient

from taskmanager.api.rest.problems import Problem
from taskmanager.api.rest.readmission import while_admitted
from taskmanager.application.ports import StoreUnavailable


class Listening:
    """A stream of dots to one client, whose admission is looked at again all the time."""

    def __init__(self) -> None:
        self.refusal: Exception | None = None
        self.looks = 0
        self.may_end = asyncio.Event()
        self.ended = asyncio.Event()

    async def admit(self) -> None:
        self.looks += 1
        if self.refusal is not None:
            raise self.refusal

    async def serve(self, request: web.Request) -> web.StreamResponse:
        try:
            return await while_admitted(self._stream(request), request, self.admit, seconds=0.001)
        finally:
            self.ended.set()

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while not self.may_end.is_set():
                await response.write(b".")
                await asyncio.sleep(0.001)
        except ConnectionError:
            pass
        return response

    async def look(self, times: int) -> None:
        wanted = self.looks + times
        while self.looks < wanted:  # noqa: ASYNC110 - asked, not told
            await asyncio.sleep(0.001)


@pytest.fixture
def listening() -> Listening:
    return Listening()


@pytest.fixture
async def client(listening: Listening, aiohttp_client: AiohttpClient) -> TestClient:
    application = web.Application()
    application.router.add_get("/", listening.serve)
    return await aiohttp_client(application)


@asynccontextmanager
async def stream(client: TestClient) -> AsyncIterator[asyncio.StreamReader]:
    async with client.get("/") as response:
        assert await response.content.readexactly(3) == b"..."
        yield response.content


@pytest.mark.parametrize("status", [401, 403])
async def test_a_stream_is_cut_once_its_listener_is_refused(
    client: TestClient, listening: Listening, status: int
) -> None:
    async with stream(client) as content:
        await listening.look(3)
        listening.refusal = Problem(status, "no more")
        with pytest.raises(ClientPayloadError):
            await content.read()
        await listening.ended.wait()


@pytest.mark.parametrize("failure", [StoreUnavailable("away"), Problem(503, "later"), Problem(429, "later")])
async def test_a_gate_that_cannot_tell_cuts_nobody(
    client: TestClient, listening: Listening, failure: Exception
) -> None:
    async with stream(client) as content:
        listening.refusal = failure
        await listening.look(3)
        listening.may_end.set()
        assert {*(await content.read())} <= {ord(".")}


async def test_nobody_is_looked_at_after_the_end(client: TestClient, listening: Listening) -> None:
    async with stream(client) as content:
        listening.may_end.set()
        await content.read()
    await listening.ended.wait()
    await asyncio.sleep(0)  # for the task to take its end
    assert "readmission" not in {task.get_name() for task in asyncio.all_tasks()}
