"""One connection for reading, with every known trap of its driver behind it."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import psycopg2

from taskmanager.application.ports import GIVEN_UP, StoreUnavailable
from taskmanager.infrastructure.postgres.errors import translate
from taskmanager.infrastructure.postgres.loop_connection import LoopConnection
from taskmanager.infrastructure.postgres.session import Row

# What aiopg and psycopg2 raise for a connection that is lost, refused or too slow: OSError and RuntimeError come from
# the event loop, TimeoutError from the client's own limit.
_DRIVER_ERRORS = (psycopg2.Error, OSError, RuntimeError, TimeoutError)


class ReadConnection:
    """A connection of one user at a time, opened at first use and again after any doubt.

    `connect` holds psycopg2's connection arguments, with the server-side time-outs among its options; `timeout`
    (seconds) is the client's own limit for connecting and for a statement, and should be above the server's.
    """

    def __init__(self, connect: Mapping[str, Any], *, timeout: float) -> None:
        self._connect = connect
        self._timeout = timeout
        self._connection: LoopConnection | None = None

    @property
    def is_open(self) -> bool:
        """False before the first statement, and after any doubt about the connection."""
        return self._connection is not None and not self._connection.closed

    async def fetch(self, statement: str, parameters: Mapping[str, object] | None = None) -> list[Row]:
        """The rows of one statement, a transaction of its own; raises a `StoreError`."""
        try:
            connection = await self._opened()
            async with connection.cursor() as cursor:
                await cursor.execute(statement, parameters)
                return await cursor.fetchall()
        except asyncio.CancelledError:
            await self.close()
            # aiopg also reports a statement that the server cancelled as a cancellation of the task.
            task = asyncio.current_task()
            if task is None or task.cancelling() > 0:
                raise
            raise StoreUnavailable("the server cancelled the statement", GIVEN_UP) from None
        except _DRIVER_ERRORS as error:
            await self.close()
            raise translate(error) from error

    async def close(self) -> None:
        """Closes the connection; again does nothing."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(*_DRIVER_ERRORS):
                await connection.close()

    async def _opened(self) -> LoopConnection:
        if self._connection is None or self._connection.closed:
            await self.close()
            connection = LoopConnection(self._connect, timeout=self._timeout)
            self._connection = connection  # known before it is ready, so that `close` finds it
            await connection
        return self._connection
