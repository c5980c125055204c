"""A network that fails at the worst moment: a proxy that knows PostgreSQL's protocol well enough to see COMMIT."""

import asyncio
from collections import Counter
from enum import Enum


class Fault(Enum):
    """What happens to the next COMMIT."""

    CUT_BEFORE = "the connection breaks before it reaches the server"
    CUT_AFTER = "the connection breaks when the server has answered, before the client hears of it"
    FREEZE_BEFORE = "it never reaches the server, and nobody is told"
    FREEZE_AFTER = "its answer never reaches the client, and nobody is told"


class FaultyProxy:
    """Forwards connections to a server; the faults that were injected happen once each, and are counted."""

    def __init__(self, host: str, port: int) -> None:
        self._upstream = host, port
        self._faults: list[Fault] = []
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._serving: set[asyncio.Task[None]] = set()
        self._thawed = asyncio.Event()
        self.happened: Counter[Fault] = Counter()
        self.accepted = 0
        self.accepted_another = asyncio.Event()
        self.port = 0

    async def start(self) -> None:
        """Listens on a free port of the loopback; again, on the same one."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Ends every connection."""
        assert self._server is not None
        self._server.close()
        self.thaw()
        for writer in self._writers:
            writer.transport.abort()
        await asyncio.gather(*self._serving)

    def inject(self, *faults: Fault) -> None:
        """The next COMMITs meet these, one each."""
        self._faults += faults

    def thaw(self) -> None:
        """Ends what is frozen: both sides see the connection break."""
        self._thawed.set()

    async def _serve(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        self.accepted += 1
        if self.accepted > 1:
            self.accepted_another.set()
        server, to_server = await asyncio.open_connection(*self._upstream)
        writers = {to_client, to_server}
        self._writers |= writers
        try:
            async with asyncio.TaskGroup() as pumps:
                pumps.create_task(self._to_server(client, to_server))
                pumps.create_task(self._to_client(server, to_client))
        except* (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self._writers -= writers
            for writer in writers:
                writer.transport.abort()
            self._serving.discard(task)

    async def _to_server(self, client: asyncio.StreamReader, to_server: asyncio.StreamWriter) -> None:
        length = await client.readexactly(4)  # the first message has no type
        to_server.write(length + await client.readexactly(int.from_bytes(length) - 4))
        while True:
            message = await _message(client)
            if message[:1] == b"Q" and message.rstrip(b"\0").endswith(b"commit"):
                await self._meet(Fault.CUT_BEFORE, Fault.FREEZE_BEFORE)
            to_server.write(message)
            await to_server.drain()

    async def _to_client(self, server: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        while True:
            message = await _message(server)
            if message[:1] == b"C" and message[5:] == b"COMMIT\0":
                await self._meet(Fault.CUT_AFTER, Fault.FREEZE_AFTER)
            to_client.write(message)
            await to_client.drain()

    async def _meet(self, cut: Fault, freeze: Fault) -> None:
        """Lets the next fault happen if it is one of these; then the connection is broken."""
        if not self._faults or self._faults[0] not in {cut, freeze}:
            return
        fault = self._faults.pop(0)
        self.happened[fault] += 1
        if fault is freeze:
            await self._thawed.wait()
        raise ConnectionAbortedError(fault.value)


async def _message(stream: asyncio.StreamReader) -> bytes:
    """A whole message: a byte for its type, four for its length, and the rest."""
    head = await stream.readexactly(5)
    return head + await stream.readexactly(int.from_bytes(head[1:]) - 4)
