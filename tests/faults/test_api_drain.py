"""SIGTERM while requests come in: each is answered, or was never looked at."""

import asyncio
import signal
import socket
from collections import Counter

import orjson

from taskmanager.devstack.ports import choose

from .waiting import until
from .world import World

CLIENTS = 32
BEFORE_THE_END = 1000
BODY = orjson.dumps({"userEmail": "ann@example.com", "userQuery": "prices", "originalUrl": "https://example.com/"})
REQUEST = (
    b"POST /api/tasks HTTP/1.1\r\nHost: api\r\nContent-Type: application/json\r\nContent-Length: "
    + str(len(BODY)).encode()
    + b"\r\n\r\n"
    + BODY
)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Traffic:
    """Clients that each send a request after the other until their connection is closed."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.answers: Counter[int] = Counter()
        self.last_words = 0
        self.torn = 0
        self.enough = asyncio.Event()

    async def client(self) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            while await self._ask(reader, writer):
                if self.answers.total() >= BEFORE_THE_END:
                    self.enough.set()
        finally:
            writer.close()

    async def _ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Sends one request; whether its answer came whole."""
        try:
            writer.write(REQUEST)
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError as cut:
            self.torn += bool(cut.partial)
            return False
        except ConnectionError:
            return False
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        try:
            await reader.readexactly(length)
        except (asyncio.IncompleteReadError, ConnectionError):
            self.torn += 1
            return False
        self.answers[int(head.split()[1])] += 1
        self.last_words += b"connection: close" in head.lower()
        return True


async def test_no_request_that_was_taken_is_lost(world: World) -> None:
    port = choose()
    api = world.start("api", APP_PORT=str(port), METRICS_ENABLED="false", GRACEFUL_SHUTDOWN_TIMEOUT="20")
    await asyncio.to_thread(until, lambda: listens(port), "the API listens")
    traffic = Traffic(port)
    clients = [asyncio.create_task(traffic.client()) for _ in range(CLIENTS)]

    await traffic.enough.wait()
    api.send(signal.SIGTERM)
    await asyncio.gather(*clients)
    assert await asyncio.to_thread(api.wait, 20) == 0

    assert set(traffic.answers) == {201}
    assert traffic.torn == 0, "an answer was cut off"
    assert traffic.last_words == CLIENTS, "each connection ended with an answer that says so"
    made = world.database.value("select count(*) from web_crawl_tasks")
    assert made == traffic.answers[201], "there is a task for each answer, and an answer for each task"
    assert world.database.value("select count(*) from task_events") == made
