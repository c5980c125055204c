"""supervisord's answers over its private Unix socket."""

import http.client
import socket
import xmlrpc.client
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast


@dataclass(frozen=True, slots=True)
class ProcessState:
    """One process: `state` as supervisord calls it (RUNNING, BACKOFF, FATAL …), start in Unix time (0: never)."""

    name: str
    state: str
    pid: int
    started_at: int


class Supervisor:
    """A client of the supervisord that listens at `url` (`unix:///path`, as it tells its programs); blocking."""

    def __init__(self, url: str, *, timeout: float) -> None:
        scheme, _, path = url.partition("://")
        if scheme != "unix" or not path.startswith("/"):
            raise ValueError(f"{url!r} is no supervisord address: expected unix:///path/of/socket")
        self._path = path
        self._timeout = timeout

    def processes(self) -> Sequence[ProcessState]:
        """All processes in the order of the configuration; raises `OSError` or an `xmlrpc.client.Error`."""
        transport = _UnixTransport(self._path, self._timeout)
        with xmlrpc.client.ServerProxy("http://localhost", transport=transport) as server:
            rows = cast("list[dict[str, Any]]", server.supervisor.getAllProcessInfo())
        return [ProcessState(row["name"], row["statename"], row["pid"], row["start"]) for row in rows]


class _UnixTransport(xmlrpc.client.Transport):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__()
        self._path = path
        self._timeout = timeout

    def make_connection(self, host: object) -> http.client.HTTPConnection:  # noqa: ARG002 - the path is the address
        return _UnixConnection(self._path, self._timeout)


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)
