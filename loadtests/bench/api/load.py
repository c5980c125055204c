"""Closed load: so many connections, each with one request in flight, for so many seconds."""

import asyncio
from collections.abc import Sequence
from itertools import cycle
from time import perf_counter
from typing import cast

import msgspec

from loadtests.bench.api.answers import first_answer


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """What to send: whole texts of HTTP, taken in turn by whichever connection is free, each answered with `status`."""

    port: int
    requests: Sequence[str]
    status: int
    connections: int
    warm_up_seconds: float
    seconds: float
    patience_seconds: float = 30.0


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it. `answered` counts all, `in_window` those that came after the warm-up and before the end."""

    answered: int
    in_window: int
    p50_ms: float
    p99_ms: float
    max_ms: float
    sample: str
    cpu_seconds: float


class LoadError(RuntimeError):
    """A server gave another answer than was asked for, or none."""


class Load:
    """One run; made inside a running loop.

    Every request that is sent is waited for, so that the count of answers is the count of effects.
    """

    def __init__(self, job: Job) -> None:
        self._status = job.status
        self._finished = asyncio.get_running_loop().create_future()
        self._busy = job.connections
        self._begin = perf_counter() + job.warm_up_seconds
        self._end = self._begin + job.seconds
        self.requests = cycle([text.encode() for text in job.requests])
        self.answered = 0
        self.in_window = 0
        self.latencies: list[float] = []  # seconds, of the requests that were sent after the warm-up
        self.sample = b""

    async def finished(self) -> None:
        """Returns when every connection has its last answer; raises `LoadError` if one is not as expected."""
        await self._finished

    def take(self, sent: float, status: int, body: bytes) -> bool:
        """An answer came to what was sent then; whether to send another request."""
        now = perf_counter()
        if status != self._status:
            self.fail(f"status {status} instead of {self._status}: {body[:500]!r}")
            return False
        self.answered += 1
        if sent >= self._begin:
            self.latencies.append(now - sent)
        if now < self._end:
            self.in_window += now >= self._begin
            return True
        self.sample = body
        self._busy -= 1
        if not self._busy and not self._finished.done():
            self._finished.set_result(None)
        return False

    def fail(self, problem: str) -> None:
        """Ends the run with an error."""
        if not self._finished.done():
            self._finished.set_exception(LoadError(problem))


class Connection(asyncio.Protocol):
    """One keep-alive connection."""

    def __init__(self) -> None:
        self._load: Load | None = None
        self._transport: asyncio.Transport | None = None
        self._received = b""
        self._sent = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        self._transport = cast(asyncio.Transport, transport)

    def begin(self, load: Load) -> None:
        """Sends the first request."""
        self._load = load
        self._send(load)

    def close(self) -> None:
        """Ends the connection; whatever still comes is not looked at."""
        self._load = None
        if self._transport is not None:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        load = self._load
        if load is None:
            return
        data = self._received + data
        try:
            answer = first_answer(data)
        except ValueError as error:
            load.fail(str(error))
            return
        if answer is None:
            self._received = data
            return
        self._received = data[answer.end :]
        if load.take(self._sent, answer.status, data[answer.body : answer.end]):
            self._send(load)

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        if self._load is not None:
            self._load.fail(f"the server closed a connection: {exc or 'end of stream'}")

    def _send(self, load: Load) -> None:
        assert self._transport is not None
        self._sent = perf_counter()
        self._transport.write(next(load.requests))


async def apply(job: Job) -> Load:
    """Does the job and returns what was counted; raises `LoadError`, or `OSError` where nothing listens."""
    loop = asyncio.get_running_loop()
    connections = [(await loop.create_connection(Connection, "127.0.0.1", job.port))[1] for _ in range(job.connections)]
    try:
        load = Load(job)
        for connection in connections:
            connection.begin(load)
        async with asyncio.timeout(job.warm_up_seconds + job.seconds + job.patience_seconds):
            await load.finished()
    except TimeoutError:
        raise LoadError(f"a request had no answer within {job.patience_seconds:g} s") from None
    finally:
        for connection in connections:
            connection.close()
    return load
