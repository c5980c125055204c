"""A server that answers as it is told, and remembers what it was asked."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import orjson
from aiohttp import web
from aiohttp.test_utils import TestServer

Reply = Callable[[web.Request], Awaitable[web.StreamResponse]]

TASK: dict[str, Any] = {
    "id": "0190f1c2-7a3b-7cde-8f01-23456789abcd", "status": "new", "version": 1, "attempt": 1,
    "userEmail": "ann@example.com", "userQuery": "opening hours", "originalUrl": "https://example.com/",
    "metadata": {}, "correlationId": None, "receivedAt": "2026-05-04T12:00:00Z", "createdAt": "2026-05-04T12:00:00Z",
    "updatedAt": "2026-05-04T12:00:00Z", "notBefore": None, "startedAt": None, "finishedAt": None,
    "lastHeartbeatAt": None, "durationSeconds": None, "worker": None, "progress": None, "result": None, "error": None,
    "retryable": None,
}  # fmt: skip


def event(sequence: int, **members: Any) -> dict[str, Any]:
    """An event of the task, as the server tells it."""
    return {
        "sequence": sequence, "eventId": f"{TASK['id']}:{sequence}", "taskId": TASK["id"], "type": "TaskStarted",
        "status": "in_progress", "version": sequence, "attempt": 1, "occurredAt": "2026-05-04T12:00:00Z",
        "recordedAt": "2026-05-04T12:00:00Z", "data": {"worker": "w-1"}, "actor": None, "correlationId": None,
        "source": None, "traceId": None, **members,
    }  # fmt: skip


class Asked(NamedTuple):
    """A request as it came."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class ScriptedServer:
    """Gives one reply after the other, the last one again and again."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.script: deque[Reply] = deque()
        application = web.Application(client_max_size=64 * 1024 * 1024)
        application.router.add_route("*", "/{path:.*}", self._answer)
        self._server = TestServer(application)

    @property
    def url(self) -> str:
        return str(self._server.make_url("")).rstrip("/")

    def replies(self, *script: Reply) -> None:
        self.script.extend(script)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(Asked(request.method, request.path_qs, dict(request.headers), await request.read()))
        reply = self.script.popleft() if len(self.script) > 1 else self.script[0]
        return await reply(request)

    @asynccontextmanager
    async def running(self) -> AsyncIterator["ScriptedServer"]:
        await self._server.start_server(shutdown_timeout=0.1)
        try:
            yield self
        finally:
            await self._server.close()


def says(document: object, status: int = 200, **headers: str) -> Reply:
    """A JSON document; underscores in the names of headers are hyphens."""

    async def reply(_request: web.Request) -> web.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        body = b"" if document is None else orjson.dumps(document)
        return web.Response(body=body, status=status, content_type="application/json", headers=named)

    return reply


def fails(status: int, detail: str = "no", *, members: Mapping[str, object] | None = None, **headers: str) -> Reply:
    """A problem document."""
    return says({"type": "about:blank", "status": status, "detail": detail, **(members or {})}, status, **headers)


async def drops(request: web.Request) -> web.StreamResponse:
    """Cuts the connection without a word, whatever was done before."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def hangs(_request: web.Request) -> web.StreamResponse:
    """Never answers."""
    await asyncio.Event().wait()
    raise AssertionError("unreachable")


def streams(*pieces: str | bytes, then: Callable[[web.Request], Awaitable[None]] | None = None) -> Reply:
    """A stream of server-sent events in these pieces, which ends, or does something else first."""

    async def reply(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for piece in pieces:
            await response.write(piece.encode() if isinstance(piece, str) else piece)
        if then is not None:
            await then(request)
        return response

    return reply


async def cut(request: web.Request) -> None:
    assert request.transport is not None
    request.transport.abort()


async def silent(_request: web.Request) -> None:
    await asyncio.Event().wait()


def opening(position: int, retry: int = 0) -> str:
    return f": listening\nretry: {retry}\nid: {position}\n\n"


def frame(sequence: int, **members: Any) -> str:
    document = orjson.dumps(event(sequence, **members)).decode()
    return f"id: {sequence}\nevent: TaskStarted\ndata: {document}\n\n"
