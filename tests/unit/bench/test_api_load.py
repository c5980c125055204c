"""The load generator against servers that behave and servers that do not."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from loadtests.bench.api.load import Job, LoadError, apply

Answer = Callable[[int], bytes]

_REQUESTS = [f"GET /{name} HTTP/1.1\r\nhost: x\r\n\r\n" for name in "abc"]


def _created(_number: int) -> bytes:
    return b"HTTP/1.1 201 Created\r\ncontent-length: 2\r\n\r\n{}"


class Server:
    """Answers the n-th request with `answer(n)`; keeps what it was sent."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self.received: list[bytes] = []
        self.connections = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                self.received.append(await reader.readuntil(b"\r\n\r\n"))
                writer.write(self._answer(len(self.received)))
                if writer.is_closing():
                    return
        except asyncio.IncompleteReadError:
            writer.close()


@asynccontextmanager
async def _listening(
    serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[int]:
    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


def _job(port: int, **more: float) -> Job:
    settings = {"warm_up_seconds": 0.05, "seconds": 0.1, **more}
    return Job(port=port, requests=_REQUESTS, status=201, connections=4, **settings)  # type: ignore[arg-type]


async def test_every_request_is_answered_and_counted() -> None:
    server = Server(_created)

    async with _listening(server.serve) as port:
        load = await apply(_job(port))

    assert load.answered == len(server.received)
    assert server.connections == 4
    assert 0 < load.in_window < load.answered
    assert len(load.latencies) < load.answered
    assert all(0 < latency < 10 for latency in load.latencies)
    assert load.sample == b"{}"


async def test_requests_are_sent_in_turn() -> None:
    server = Server(_created)

    async with _listening(server.serve) as port:
        await apply(_job(port))

    sent = [server.received.count(text.encode()) for text in _REQUESTS]
    assert sum(sent) == len(server.received)
    assert max(sent) - min(sent) <= 1


async def test_an_answer_in_pieces_is_put_together() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                whole = _created(1)
                for low in range(0, len(whole), 20):
                    writer.write(whole[low : low + 20])
                    await writer.drain()
        except asyncio.IncompleteReadError:
            writer.close()

    async with _listening(serve) as port:
        load = await apply(_job(port))

    assert load.answered > 0


async def test_another_status_ends_the_run_with_the_body() -> None:
    def answer(number: int) -> bytes:
        return _created(number) if number < 20 else b"HTTP/1.1 503 Busy\r\ncontent-length: 4\r\n\r\nbusy"

    async with _listening(Server(answer).serve) as port:
        with pytest.raises(LoadError, match=r"status 503 instead of 201: b'busy'"):
            await apply(_job(port))


async def test_a_closed_connection_ends_the_run() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.close()

    async with _listening(serve) as port:
        with pytest.raises(LoadError, match="closed a connection"):
            await apply(_job(port))


async def test_a_server_that_does_not_answer_ends_the_run() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with _listening(serve) as port:
        with pytest.raises(LoadError, match=r"no answer within 0\.05 s"):
            await apply(_job(port, warm_up_seconds=0.0, seconds=0.0, patience_seconds=0.05))
