"""aiopg's connection, with a descriptor of its own for the event loop."""

import os
from collections.abc import Mapping
from typing import Any

import aiopg
import psycopg2.extensions

# Of libpq's ConnStatusType.
_CONNECTION_BAD = 1


class _Socket(psycopg2.extensions.connection):
    """A connection whose `fileno` is a duplicate of libpq's socket that lives until the connection is closed.

    libpq closes its socket as soon as the server has gone, and for another try at connecting, before the loop is told.
    The number then goes to whatever is opened next, while the loop still keeps a handle for it: on uvloop the next
    socket under that number is refused (aio-libs/aiopg#909), even if it is the loop's own.
    """

    _descriptor: int | None = None

    def fileno(self) -> int:
        return self.renewed() if self._descriptor is None else self._descriptor

    def close(self) -> None:
        super().close()
        self.forget()

    def renewed(self) -> int:
        """The number of another duplicate, of the socket that libpq has now."""
        descriptor = os.dup(super().fileno())
        self.forget()
        self._descriptor = descriptor
        return descriptor

    def forget(self) -> None:
        """Closes the duplicate."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    @property
    def is_broken(self) -> bool:
        """Whether libpq has given the connection up; psycopg2 need not have noticed."""
        return bool(self.closed) or self.info.status == _CONNECTION_BAD

    @property
    def has_moved(self) -> bool:
        """Whether libpq has begun again with another socket."""
        return os.fstat(super().fileno()).st_ino != os.fstat(self.fileno()).st_ino

    def __del__(self) -> None:
        self.forget()


class LoopConnection(aiopg.Connection):
    """aiopg's connection in the state that its users expect, whatever becomes of its socket.

    `connect` holds psycopg2's connection arguments, `timeout` is the limit of a statement in seconds. It is closed as
    soon as it is known to be broken; the statement under way, if any, then raises psycopg2's error.
    """

    def __init__(self, connect: Mapping[str, Any], *, timeout: float) -> None:
        self._is_connected = False
        settings = {
            "dsn": None,
            "timeout": timeout,
            "connection_factory": _Socket,
            "client_encoding": "UTF8",
            **connect,
        }
        super().__init__(enable_json=False, enable_hstore=False, enable_uuid=False, **settings)

    @staticmethod
    def _ready(weak_self: Any) -> None:
        self: LoopConnection | None = weak_self()
        if self is None:
            return
        try:
            aiopg.Connection._ready(weak_self)  # noqa: SLF001 - the one place where aiopg takes events
        except ValueError as error:
            # While it handles psycopg2's error, aiopg asks `select`, which refuses numbers above 1,023.
            self._fail(error.__context__ or error)
        if self._conn.is_broken:
            # The loop would report the end of the stream again and again.
            self.close()
        elif not self._is_connected:
            try:
                self._follow_socket()
            except OSError as error:  # there may be no more descriptors
                self._fail(error)

    def _close(self) -> None:
        super()._close()
        self._fileno = None  # somebody else's number from now on, whoever closes this again

    def _fail(self, error: BaseException) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(error)
        self.close()

    def _follow_socket(self) -> None:
        """libpq tries one address, or way to encrypt, after the other, each on another socket."""
        self._is_connected = self._conn.status == psycopg2.extensions.STATUS_READY
        before = self._fileno
        if before is None or not self._conn.has_moved:
            return
        self._loop.remove_reader(before)
        self._loop.remove_writer(before)
        self._fileno = after = self._conn.renewed()
        self._loop.add_reader(after, self._ready, self._weakref)
        if self._writing:
            self._loop.add_writer(after, self._ready, self._weakref)
