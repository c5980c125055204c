"""A thousand listeners on one process."""

import asyncio
import gc
from collections.abc import Callable

import psutil
from aiohttp import ClientSession

from taskmanager.programs.factory import ApplicationFactory
from tests.integration.api.feed.writing import Writer

LISTENERS = 1000
USERS = 10
TASKS = 200
# For both ends of a thousand connections, which live in this one process.
MEMORY_BYTES = 150 << 20


class Ear:
    """A listener on a bare socket, which counts instead of keeping."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.ids: list[int] = []
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, port: int, user: str | None) -> "Ear":
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        of_user = f"X-User: {user}\r\n" if user else ""
        writer.write(f"GET /api/events HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n{of_user}\r\n".encode())
        assert b" 200 " in await reader.readline()
        await reader.readuntil(b"id: 0\n\n")
        return cls(reader, writer)

    async def hear(self, count: int) -> list[int]:
        """The next so many events."""
        self.ids, last = [], 0
        while len(self.ids) < count:
            line = await self._reader.readline()
            assert line, "the stream has ended"
            if line.startswith(b"id: "):
                last = int(line[4:])
            elif line.startswith(b"data: "):  # a sign of life has an id alone
                self.ids.append(last)
        return self.ids

    def close(self) -> None:
        self._writer.close()


def rounds(one: Writer) -> None:
    """The same again and again: a task of each user in turn, in small transactions."""
    for number in range(TASKS):
        one.create(f"user-{number % USERS}@example.com")
        if number % 4 == 3:
            one.commit()


async def test_a_thousand_listeners_get_everything_within_bounded_memory(
    factory: ApplicationFactory,
    events: ClientSession,
    writer: Callable[[], Writer],
    tell: Callable[[str], None],
) -> None:
    port = factory.settings.app.port
    process = psutil.Process()
    gc.collect()
    before = process.memory_info().rss
    users = [None if number % 2 else f"user-{number // 2 % USERS}@example.com" for number in range(LISTENERS)]
    ears: list[Ear] = []
    for begin in range(0, LISTENERS, 50):
        ears += await asyncio.gather(*(Ear.open(port, user) for user in users[begin : begin + 50]))
    assert factory.registry.get_sample_value("event_stream_listeners") == LISTENERS

    loop = asyncio.get_running_loop()
    began = loop.time()
    writing = asyncio.create_task(asyncio.to_thread(rounds, writer()))
    async with asyncio.timeout(120):
        heard = await asyncio.gather(
            *(ear.hear(TASKS // USERS if user else TASKS) for ear, user in zip(ears, users, strict=True))
        )
    await writing
    seconds = loop.time() - began
    grown = process.memory_info().rss - before

    everything = list(range(1, TASKS + 1))
    for ids, user in zip(heard, users, strict=True):
        assert ids == (everything if user is None else everything[int(user[5]) :: USERS])
    assert grown < MEMORY_BYTES
    sent = sum(map(len, heard))
    tell(f"{LISTENERS} listeners got {sent} events in {seconds:.1f} s, {grown >> 20} MiB for both ends")
    assert not factory.registry.get_sample_value("event_stream_listeners_dropped_total", {"reason": "stalled"})
    for ear in ears:
        ear.close()
