"""One database connection that heals itself, driven from a thread of its own.

The write path speaks psycopg2 (the driver below aiopg) directly, because COPY, the cheapest way into a table, exists
only there; docs/decisions.md has the figures.
"""

import asyncio
import os
import socket
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from io import BytesIO
from time import monotonic
from typing import Any, TypeVar

import psycopg2
from psycopg2.extensions import connection as Connection  # noqa: N812 - the driver names its classes in lower case

from taskmanager.application.ports import StoreUnavailable
from taskmanager.infrastructure.postgres.errors import failure_of, is_answered

Row = tuple[Any, ...]
_Answer = TypeVar("_Answer")


class Session:
    """A connection of one owner, opened at first use and again after any doubt; one call at a time.

    `connect` holds psycopg2's connection arguments, with the server-side time-outs among its options. `timeout`
    (seconds) is the client's own limit for a call, above the server's: it cuts the connection of a server that answers
    no more. `beat` is told of every call before it is made.
    """

    def __init__(self, connect: Mapping[str, Any], *, timeout: float, beat: Callable[[], None] = lambda: None) -> None:
        self._connect = connect
        self._timeout = timeout
        self._beat = beat
        self._connection: Connection | None = None
        self._is_closed = False
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="postgres")

    async def run(self, work: Callable[["Script"], _Answer]) -> _Answer:
        """Does several statements in the session's thread without coming back to the event loop in between.

        Raises a `StoreError`. After one that the server answered the session goes on (and a transaction awaits its
        rollback); after any other the connection is closed, and `is_open` tells so.
        """
        try:
            return await self._call(partial(self._scripted, work))
        finally:
            del work  # as in `_call`

    async def _call(self, work: Callable[[], _Answer]) -> _Answer:
        self._beat()
        loop = asyncio.get_running_loop()
        alarm = _Alarm(loop, self._timeout, self._cut)
        call = loop.run_in_executor(self._thread, self._run, work, alarm)
        # The thread goes on whatever becomes of this task, and so does the alarm.
        call.add_done_callback(lambda _: alarm.cancel())
        try:
            return await asyncio.shield(call)
        finally:
            # A failure would hold this frame, the frame the call, and the call the failure: a circle that keeps a whole
            # batch alive until the collector comes, which is seldom.
            del call, work

    async def open(self) -> None:
        """Connects, unless it is connected; raises a `StoreUnavailable`."""
        await self._call(self._opened)

    async def execute(self, sql: str, parameters: Mapping[str, object] | None = None) -> list[Row]:
        """Runs one or several statements in one round trip; answers the rows of the last. Raises as `run` does."""
        return await self.run(lambda script: script.execute(sql, parameters))

    @property
    def is_open(self) -> bool:
        """False before the first statement and after a failure that left the connection's state in doubt."""
        return self._connection is not None and not self._connection.closed

    async def rollback(self) -> None:
        """Ends the transaction without effect; closes the connection where that cannot be known."""
        if not self._is_closed:
            with suppress(StoreUnavailable):
                await self._call(self._roll_back)

    async def close(self) -> None:
        """Closes the connection and the thread; again does nothing."""
        self._is_closed = True
        await asyncio.get_running_loop().run_in_executor(None, self._thread.shutdown)
        self._close()

    def _run(self, work: Callable[[], _Answer], alarm: "_Alarm") -> _Answer:
        alarm.begin()
        try:
            return work()
        except (psycopg2.Error, OSError) as error:
            if not is_answered(error) or not self.is_open:
                self._close()
            raise failure_of(error)  # noqa: B904 - the cause is set there
        finally:
            alarm.end()

    def _scripted(self, work: Callable[["Script"], _Answer]) -> _Answer:
        return work(Script(self._opened()))

    def _roll_back(self) -> None:
        # Asked here, behind a call whose caller has gone away, which may have had to open the connection first.
        if self._connection is not None and not self._connection.closed:
            Script(self._connection).execute("rollback")

    def _opened(self) -> Connection:
        connection = self._connection
        if connection is None or connection.closed:
            connection = psycopg2.connect(client_encoding="UTF8", **self._connect)
            connection.autocommit = True  # transactions begin and end in the statements themselves
            self._connection = connection
        return connection

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(psycopg2.Error, OSError):
                connection.close()

    def _cut(self) -> None:
        """Ends the connection below the driver that waits on it, which then fails as if the network had."""
        connection = self._connection
        if connection is not None and not connection.closed:
            with suppress(psycopg2.Error, OSError), socket.socket(fileno=os.dup(connection.fileno())) as twin:
                twin.shutdown(socket.SHUT_RDWR)


class _Alarm:
    """Rings once a call has taken `timeout` seconds in its thread; the time that it waits for the thread is free."""

    def __init__(self, loop: asyncio.AbstractEventLoop, timeout: float, ring: Callable[[], None]) -> None:
        self._loop = loop
        self._timeout = timeout
        self._ring = ring
        self._began: float | None = None
        self._is_over = False
        self._handle = loop.call_later(timeout, self._look)

    def begin(self) -> None:
        """The call has the thread now."""
        self._began = monotonic()

    def end(self) -> None:
        """From now on it is another call that would be hit."""
        self._is_over = True

    def cancel(self) -> None:
        """Lets go of the loop."""
        self._handle.cancel()

    def _look(self) -> None:
        left = self._timeout if self._began is None else self._began + self._timeout - monotonic()
        if self._is_over:
            return
        if left <= 0:
            self._ring()
        else:
            self._handle = self._loop.call_later(left, self._look)


class Script:
    """What can be done on an open connection, in the session's thread."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def execute(self, sql: str, parameters: Mapping[str, object] | None = None) -> list[Row]:
        """Runs one or several statements in one round trip; answers the rows of the last."""
        with self._connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            return cursor.fetchall() if cursor.description else []

    def copy(self, statement: str, rows: bytes) -> None:
        """Runs COPY … FROM STDIN with rows in its text format."""
        with self._connection.cursor() as cursor:
            # In one piece: each further one would have to wait for the interpreter's lock.
            cursor.copy_expert(statement, BytesIO(rows), size=len(rows) + 1)
