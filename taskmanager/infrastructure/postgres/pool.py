"""A few connections for statements that stand alone."""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

from taskmanager.application.ports import BUSY, StoreUnavailable
from taskmanager.infrastructure.postgres.loop_session import LoopSession
from taskmanager.infrastructure.postgres.session import Row


class PoolUsage(NamedTuple):
    """Connections that there may be, that work, and that are open without work."""

    size: int
    busy: int
    idle: int


class Reads(Protocol):
    """Statements that stand alone, as `ReadPool` runs them."""

    async def fetch(self, statement: str, parameters: Mapping[str, object] | None = None) -> list[Row]:
        """The rows of one statement, a transaction of its own; raises a `StoreError`."""

    def usage(self) -> PoolUsage:
        """How much of it is in use."""

    async def close(self) -> None:
        """Closes the connections."""


class ReadPool:
    """Hands each statement a connection of its own; at most `size` at a time, opened when needed.

    Not aiopg's pool: that one connects while it holds its lock, so that one slow connect blocks everybody, and does not
    wake those who wait for a connection that broke. `wait_timeout` (seconds) bounds the wait for a free connection,
    `statement_timeout` the statement, and connections idle longer than `idle_timeout` are opened anew.
    """

    def __init__(
        self,
        connect: Mapping[str, Any],
        *,
        size: int,
        wait_timeout: float,
        statement_timeout: float,
        idle_timeout: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connect = connect
        self._wait_timeout = wait_timeout
        self._statement_timeout = statement_timeout
        self._idle_timeout = idle_timeout
        self._clock = clock
        self._size = size
        self._busy = 0
        self._slots = asyncio.Semaphore(size)
        self._idle: list[tuple[LoopSession, float]] = []
        self._closed = False

    async def fetch(self, statement: str, parameters: Mapping[str, object] | None = None) -> list[Row]:
        """The rows of one statement, a transaction of its own; raises a `StoreError`."""
        try:
            async with asyncio.timeout(self._wait_timeout):
                await self._slots.acquire()
        except TimeoutError:
            raise StoreUnavailable(f"no connection became free within {self._wait_timeout:g} s", BUSY) from None
        self._busy += 1
        try:
            return await self._fetch(statement, parameters)
        finally:
            self._busy -= 1
            self._slots.release()

    def usage(self) -> PoolUsage:
        """See `Reads.usage`."""
        return PoolUsage(self._size, self._busy, len(self._idle))

    async def close(self) -> None:
        """Closes the idle connections now and those in use when their statements end."""
        self._closed = True
        while self._idle:
            connection, _ = self._idle.pop()
            await connection.close()

    async def _fetch(self, statement: str, parameters: Mapping[str, object] | None) -> list[Row]:
        connection = await self._take()
        try:
            return await connection.execute(statement, parameters)
        finally:
            await self._give_back(connection)

    async def _take(self) -> LoopSession:
        while self._idle:
            connection, since = self._idle.pop()
            if connection.is_open and self._clock() - since < self._idle_timeout:
                return connection
            await connection.close()
        return LoopSession(self._connect, timeout=self._statement_timeout)

    async def _give_back(self, connection: LoopSession) -> None:
        if self._closed or not connection.is_open:
            await connection.close()
        else:
            self._idle.append((connection, self._clock()))
