"""Listens for an aiohttp application, and takes care that no client can hold it up."""

import asyncio
import os
import socket
from collections.abc import Mapping

from aiohttp import web

from taskmanager.api.rest.connection_table import ConnectionTable
from taskmanager.api.rest.connections import Connection, Patience

_PATIENCE = Patience()
# All that wait are let in at once, 40 µs each: not so many that those who are in would notice.
_BACKLOG = 256
_CONNECTIONS_MAX = 10_000
# What the system takes in for a connection that is not read: by itself it would go up to megabytes for each.
_RECEIVE_BYTES = 128 * 1024
# Requests that are on their way while the listener closes are still taken; who has not asked by then will not.
_SETTLE_SECONDS = 0.1
_LOOK_AGAIN_SECONDS = 0.02
_CUT_SECONDS = 0.5


class AddressUnavailable(ConnectionError):  # noqa: N818
    """The address is another program's, or not this machine's."""


class HttpServer:
    """One listening address; with `share_port` several processes may listen on the same port (SO_REUSEPORT).

    Stopping lets requests in hand finish for up to `drain_seconds`; the application itself is to close the connections
    that it answers from then on (`ResponseHeaders` does).
    """

    def __init__(
        self,
        application: web.Application,
        host: str,
        port: int,
        *,
        share_port: bool,
        drain_seconds: float,
        patience: Patience = _PATIENCE,
        connections: int = _CONNECTIONS_MAX,
        connections_per_address: int = 0,
    ) -> None:
        self._runner = web.AppRunner(application, handle_signals=False, shutdown_timeout=_CUT_SECONDS)
        self._host = host
        self._port = port
        self._share_port = share_port
        self._drain_seconds = drain_seconds
        self._patience = patience
        self._table: ConnectionTable[Connection] = ConnectionTable(connections, connections_per_address)
        self._listener: asyncio.Server | None = None
        self._stopped = asyncio.Event()

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Where it listens, (host, port); empty before the start and while it stops."""
        return [listening.getsockname()[:2] for listening in self._listener.sockets] if self._listener else []

    def figures(self) -> Mapping[str, object]:
        """The open connections, and how many were ended for which reason."""
        return self._table.figures()

    async def start(self) -> None:
        """Binds and listens; raises `AddressUnavailable`, which says what to do."""
        await self._runner.setup()
        server, loop = self._runner.server, asyncio.get_running_loop()
        assert server is not None  # noqa: S101 - setup has made it

        def connection() -> Connection:
            return Connection(server, self._table, self._patience, loop)

        try:
            self._listener = await loop.create_server(
                connection, self._host, self._port, reuse_port=self._share_port or None, backlog=_BACKLOG
            )
        except OSError as error:
            # The event loop's own words are a sentence; of a name that nobody knows they are all that there is.
            number = None if isinstance(error, socket.gaierror) else error.errno
            reason = os.strerror(number).lower() if number else error.strerror
            advice = "end the program that listens there, or choose another address or port"
            raise AddressUnavailable(f"cannot listen on {self._host}:{self._port}: {reason}; {advice}") from error
        for listening in self._listener.sockets:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BYTES)  # handed on to each connection

    async def wait(self) -> None:
        """Returns once it was stopped."""
        await self._stopped.wait()

    async def stop(self) -> None:
        """Stops listening and drains; again does nothing."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None
            await self._drain()
        await self._runner.cleanup()
        self._stopped.set()

    async def _drain(self) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._drain_seconds
        await asyncio.sleep(min(_SETTLE_SECONDS, self._drain_seconds))
        while True:
            for connection in self._table.idle():
                connection.force_close()
            if not len(self._table) or loop.time() >= deadline:
                return
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)
