"""One database connection that heals itself, driven by the event loop, with every known trap of its driver behind it.

For work of one round trip. Between the loop and a thread (`Session`) the interpreter's lock would change hands several
times a statement, and who waits for it are all the requests.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import psycopg2

from taskmanager.application.ports import GIVEN_UP, StoreUnavailable
from taskmanager.infrastructure.postgres.errors import failure_of, is_answered
from taskmanager.infrastructure.postgres.loop_connection import LoopConnection
from taskmanager.infrastructure.postgres.session import Row

# What aiopg and psycopg2 raise for a connection that is lost, refused or too slow: OSError and RuntimeError come from
# the event loop, TimeoutError from the client's own limit.
_DRIVER_ERRORS = (psycopg2.Error, OSError, RuntimeError, TimeoutError)


class LoopSession:
    """A connection of one user at a time, opened at first use and again after any doubt.

    `connect` holds psycopg2's connection arguments, with the server-side time-outs among its options; `timeout`
    (seconds) is the client's own limit for connecting and for a call, and should be above the server's.
    """

    def __init__(self, connect: Mapping[str, Any], *, timeout: float) -> None:
        self._connect = connect
        self._timeout = timeout
        self._connection: LoopConnection | None = None

    @property
    def is_open(self) -> bool:
        """False before the first statement and after a failure that left the connection's state in doubt."""
        return self._connection is not None and not self._connection.closed

    async def open(self) -> None:
        """Connects, unless it is connected; raises a `StoreUnavailable`."""
        if self.is_open:
            return
        await self.close()
        try:
            connection = LoopConnection(self._connect, timeout=self._timeout)
            self._connection = connection  # known before it is ready, so that `close` finds it
            await connection
        except asyncio.CancelledError:
            await self.close()
            raise
        except _DRIVER_ERRORS as error:
            await self.close()
            raise failure_of(error)  # noqa: B904 - the cause is set there

    async def execute(self, sql: str, parameters: Mapping[str, object] | None = None) -> list[Row]:
        """Runs one or several statements in one round trip; answers the rows of the last.

        Raises a `StoreError`. After one that the server answered the session goes on (and a transaction awaits its
        rollback); after any other the connection is closed, and `is_open` tells so.
        """
        await self.open()
        assert self._connection is not None  # noqa: S101 - see `open`
        try:
            async with self._connection.cursor() as cursor:
                await cursor.execute(sql, parameters)
                return await cursor.fetchall() if cursor.description else []
        except asyncio.CancelledError:
            # aiopg also reports a statement that the server cancelled as a cancellation of the task.
            task = asyncio.current_task()
            if task is None or task.cancelling() > 0:
                await self.close()
                raise
            raise StoreUnavailable("the server cancelled the statement", GIVEN_UP) from None
        except _DRIVER_ERRORS as error:
            if not is_answered(error):
                await self.close()
            raise failure_of(error)  # noqa: B904 - the cause is set there

    async def rollback(self) -> None:
        """Ends the transaction without effect; closes the connection where that cannot be known."""
        if self.is_open:
            with suppress(StoreUnavailable):
                await self.execute("rollback")

    async def close(self) -> None:
        """Closes the connection; again does nothing."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(*_DRIVER_ERRORS):
                await connection.close()
