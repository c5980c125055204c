"""A few routes behind the real server, and clients that speak to it byte by byte."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import msgspec
from aiohttp import web

from taskmanager.api.rest.answers import answer
from taskmanager.api.rest.application import rest_application
from taskmanager.api.rest.call import Call
from taskmanager.api.rest.edge import Edge
from taskmanager.api.rest.endpoint import Gate, OpenGate
from taskmanager.api.rest.route import Route
from taskmanager.application.principal import Permission
from taskmanager.programs.http_server import HttpServer

LARGE = 16 * 1024 * 1024


class Parcel(msgspec.Struct):
    items: list[Any] = []


class NoMetrics:
    def answered(self, method: str, endpoint: str, status: int, seconds: float) -> None:
        pass


class Stage:
    """What runs; `waiting` says that a request is in the slow route's hands, `go_on` lets it end."""

    def __init__(self) -> None:
        self.waiting = asyncio.Event()
        self.go_on = asyncio.Event()
        self.is_draining = False
        self.taken = 0
        self._clients: list[Client] = []
        self.server: HttpServer

    async def take(self, call: Call[None, Parcel]) -> web.StreamResponse:
        self.taken += 1
        return answer({"bytes": len(call.raw)})

    async def large(self, _call: Call[None, None]) -> web.StreamResponse:
        return web.Response(body=b"x" * LARGE)

    async def slow(self, _call: Call[None, None]) -> web.StreamResponse:
        self.waiting.set()
        await self.go_on.wait()
        return answer({})

    async def live(self, _call: Call[None, None]) -> web.StreamResponse:
        return answer({})

    async def connect(self) -> "Client":
        client = Client(*await asyncio.open_connection(*self.server.addresses[0]))
        self._clients.append(client)
        return client

    async def close_clients(self) -> None:
        for client in self._clients:
            client.writer.transport.abort()
        for client in self._clients:
            with suppress(ConnectionError):
                await client.writer.wait_closed()

    def routes(self) -> list[Route]:
        read = Permission.READ
        return [
            Route("POST", "/api/parcels", "take", self.take, Permission.WRITE, "t", body=Parcel),
            Route("GET", "/api/large", "large", self.large, read, "t"),
            Route("GET", "/api/slow", "slow", self.slow, read, "t"),
            Route("GET", "/api/health/live", "live", self.live, None, "t"),
        ]


async def until(condition: Callable[[], bool]) -> None:
    """Returns once it holds; the test's own time limit ends a wait in vain."""
    while not condition():  # noqa: ASYNC110 - asked, not told
        await asyncio.sleep(0.001)


class Answer(msgspec.Struct):
    status: int
    headers: dict[str, str]
    body: bytes


class Client:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, text: str | bytes) -> None:
        self.writer.write(text.encode() if isinstance(text, str) else text)

    async def ask(self, target: str, *headers: str, method: str = "GET", body: bytes = b"") -> Answer:
        fields = [f"{method} {target} HTTP/1.1", "Host: t", *headers]
        if body:
            fields += [f"Content-Length: {len(body)}", "Content-Type: application/json"]
        self.send("\r\n".join([*fields, "", ""]).encode() + body)
        return await self.answer()

    async def answer(self) -> Answer:
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:-2])}
        body = await self.reader.readexactly(int(headers.get("content-length", "0")))
        return Answer(int(head[0].split()[1]), headers, body)

    async def end(self) -> bytes:
        """What still comes before the server closes; the test's own time limit ends a wait in vain."""
        try:
            return await self.reader.read()
        except ConnectionError:
            return b""

    async def push(self, piece: bytes, most: int) -> int:
        """Sends the same piece again until the server takes no more; how many bytes went out."""
        sent = 0
        try:
            while sent < most:
                self.writer.write(piece)
                await self.writer.drain()
                sent += len(piece)
        except ConnectionError:
            pass
        return sent


@asynccontextmanager
async def staged(*, gate: Gate | None = None, edge: Edge | None = None, **options: Any) -> AsyncIterator[Stage]:
    """The stage on a free port of loopback; `options` are the server's."""
    stage = Stage()
    edge = (edge or Edge())._replace(is_draining=lambda: stage.is_draining)
    application = rest_application(stage.routes(), gate or OpenGate(), NoMetrics(), request_timeout=30, edge=edge)
    stage.server = HttpServer(application, "127.0.0.1", 0, **{"share_port": False, "drain_seconds": 5.0} | options)
    await stage.server.start()
    try:
        yield stage
    finally:
        stage.is_draining = True
        stage.go_on.set()
        await stage.close_clients()
        await stage.server.stop()
