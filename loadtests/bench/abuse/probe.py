"""A process of decent clients: a few connections, each with a request at a steady pace, timed."""

import asyncio
import sys
from collections import Counter
from time import perf_counter

import msgspec
import uvloop

from loadtests.bench.histogram import Histogram

CONNECTIONS = 16
PER_SECOND = 400


class Job(msgspec.Struct, frozen=True):
    """What to ask for, and for how long."""

    port: int
    target: str
    seconds: float


class Window(msgspec.Struct, frozen=True, rename="camel"):
    """What the clients saw: latencies in milliseconds, answers by status; what was lost is `lost`."""

    p50_ms: float
    p99_ms: float
    answers: dict[str, int]


class Clients:
    """One window."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._request = f"GET {job.target} HTTP/1.1\r\nHost: api\r\n\r\n".encode()
        self._latencies: list[float] = []
        self._answers: Counter[str] = Counter()

    async def run(self) -> Window:
        """Begins at once and returns when the time is over and all is answered."""
        began = perf_counter()
        pause = CONNECTIONS / PER_SECOND
        await asyncio.gather(
            *(self._one(began + pause * number / CONNECTIONS, pause, began) for number in range(CONNECTIONS))
        )
        histogram = Histogram(self._latencies)
        return Window(histogram.percentile(50), histogram.percentile(99), dict(self._answers))

    async def _one(self, first: float, pause: float, began: float) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._job.port)
        due = first
        while due < began + self._job.seconds:
            await asyncio.sleep(max(due - perf_counter(), 0))
            # Counted from when it was due: a server that is late is not to slow down who measures it.
            try:
                writer.write(self._request)
                self._answers[await _status(reader)] += 1
            except (OSError, asyncio.IncompleteReadError):
                self._answers["lost"] += 1
                reader, writer = await asyncio.open_connection("127.0.0.1", self._job.port)
            self._latencies.append(perf_counter() - due)
            due += pause
        writer.close()


async def _status(reader: asyncio.StreamReader) -> str:
    head = await reader.readuntil(b"\r\n\r\n")
    length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
    await reader.readexactly(int(length or b"0"))
    return head.split(maxsplit=2)[1].decode()


def main() -> None:
    """The job comes by stdin, the window goes to stdout; both are JSON."""
    job = msgspec.json.decode(sys.stdin.buffer.read(), type=Job)
    sys.stdout.buffer.write(msgspec.json.encode(uvloop.run(Clients(job).run())))


if __name__ == "__main__":
    main()
