"""supervisord over its private Unix socket."""

import http.client
import re
import socket
import xmlrpc.client
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, cast

SOCKET = "supervisord.sock"
RUNNING = "RUNNING"
STOPPED = "STOPPED"

_CONSUMER = re.compile(r"consumer-(\d+)").fullmatch
# Of supervisor.xmlrpc.Faults, which is not imported for its weight.
_SHUTDOWN_STATE = 6
_ALREADY_STARTED = 60
_NOT_RUNNING = 70


class SupervisorError(Exception):
    """supervisord is not there, does not answer, or refuses."""


class SupervisorStopping(SupervisorError):  # noqa: N818
    """supervisord is on its way down and takes no orders."""


@dataclass(frozen=True, slots=True)
class ProcessState:
    """One process: `state` as supervisord calls it (RUNNING, BACKOFF, FATAL …), start in Unix time (0: never)."""

    name: str
    state: str
    pid: int = 0
    started_at: int = 0
    group: str = "taskmanager"

    @property
    def consumer_slot(self) -> int | None:
        """The number of the slot, if it is a consumer's."""
        match = _CONSUMER(self.name)
        return int(match[1]) if match else None


def wanted_or_running(processes: Iterable[ProcessState], wanted_consumers: int) -> list[ProcessState]:
    """All but those consumers' slots that are neither wanted nor in use: they are declared, but no programs."""
    return [
        process
        for process in processes
        if process.consumer_slot is None or process.consumer_slot < wanted_consumers or process.state == RUNNING
    ]


class Supervisor:
    """A client of the supervisord that listens at `url` (`unix:///path`, as it tells its programs); blocking."""

    def __init__(self, url: str, *, timeout: float) -> None:
        scheme, _, path = url.partition("://")
        if scheme != "unix" or not path.startswith("/"):
            raise ValueError(f"{url!r} is no supervisord address: expected unix:///path/of/socket")
        self._path = path
        self._timeout = timeout

    def processes(self) -> Sequence[ProcessState]:
        """All processes in the order of the configuration; raises `SupervisorError`."""
        rows = cast("list[dict[str, Any]]", self._call("getAllProcessInfo"))
        return [
            ProcessState(row["name"], row["statename"], row["pid"], row["start"], group=row["group"]) for row in rows
        ]

    def start(self, process: ProcessState) -> None:
        """Starts it without waiting until it is up; nothing if it runs. Raises `SupervisorError`."""
        self._order("startProcess", process, unless=_ALREADY_STARTED)

    def stop(self, process: ProcessState) -> None:
        """Asks it to stop without waiting for its end; nothing if it does not run. Raises `SupervisorError`."""
        self._order("stopProcess", process, unless=_NOT_RUNNING)

    def _order(self, method: str, process: ProcessState, *, unless: int) -> None:
        try:
            self._call(method, f"{process.group}:{process.name}", False)
        except SupervisorError as error:
            fault = error.__cause__
            if not isinstance(fault, xmlrpc.client.Fault) or fault.faultCode != unless:
                raise

    def _call(self, method: str, *arguments: object) -> object:
        transport = _UnixTransport(self._path, self._timeout)
        try:
            with xmlrpc.client.ServerProxy("http://localhost", transport=transport) as server:
                return getattr(server.supervisor, method)(*arguments)
        except xmlrpc.client.Fault as fault:
            if fault.faultCode == _SHUTDOWN_STATE:
                raise SupervisorStopping("supervisord is stopping its programs") from fault
            raise SupervisorError(f"supervisord refuses {method}: {fault.faultString}") from fault
        except (OSError, http.client.HTTPException, xmlrpc.client.Error) as error:
            raise SupervisorError(f"supervisord does not answer at {self._path}: {error}") from error


class _UnixTransport(xmlrpc.client.Transport):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__()
        self._path = path
        self._timeout = timeout

    def make_connection(self, host: Any) -> http.client.HTTPConnection:
        connection = _UnixConnection(self._path, self._timeout)
        self._connection = host, connection  # which is how the base class knows what to close
        return connection


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)
