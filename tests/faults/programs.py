"""Programs as real processes that can be killed, frozen and looked at from outside."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import monotonic
from typing import Any

import orjson
import psutil

from tests.scratch import ScratchDatabase

from .waiting import until

_INHERITED = ("PATH", "HOME", "LANG", "PYTHONPATH", "COVERAGE_PROCESS_START")

# A transaction that has been given its number has claimed its offsets; one that waits for its frozen client goes on
# neither to its commit nor back.
_TRANSACTION = """
select state = 'idle in transaction' or (state = 'active' and wait_event = 'ClientRead'), backend_xid is not null, state
from pg_stat_activity where client_port = any(%s) and backend_type = 'client backend'
"""


class Program:
    """`python -m taskmanager …` with its log."""

    def __init__(self, arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        self.log = log
        self.began = monotonic()
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "taskmanager", *arguments],
                env={**inherited, **environment},
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def is_alive(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def send(self, number: signal.Signals) -> None:
        """Sends a signal."""
        self._process.send_signal(number)

    def wait(self, seconds: float) -> int:
        """Its exit code, minus n if signal n ended it; fails if it goes on for longer."""
        return self._process.wait(seconds)

    def kill(self) -> None:
        """Ends it with SIGKILL, also while it is frozen."""
        self._process.kill()
        self._process.wait(10)

    def freeze(self) -> None:
        """Stops it with SIGSTOP; returns when the system says that it is stopped."""
        self.send(signal.SIGSTOP)
        until(lambda: psutil.Process(self._process.pid).status() == psutil.STATUS_STOPPED, "the process stopped")

    def thaw(self) -> None:
        """Lets it go on."""
        self.send(signal.SIGCONT)

    def ports_to_database(self, database: ScratchDatabase) -> set[int]:
        """The near ends of its connections to the database's server."""
        port = database.info.postgres_port
        connections = psutil.Process(self._process.pid).net_connections("tcp")
        return {
            connection.laddr.port for connection in connections if connection.raddr and connection.raddr.port == port
        }

    def events(self, name: str) -> list[dict[str, Any]]:
        """The lines of its log whose event begins with this."""
        lines = [orjson.loads(line) for line in self.log.read_bytes().splitlines() if line.startswith(b"{")]
        return [line for line in lines if str(line.get("event", "")).startswith(name)]

    def freeze_in_mid_batch(self, database: ScratchDatabase, seconds: float = 30.0) -> None:
        """Stops it with SIGSTOP while its transaction is open, which is proved from the server's side."""
        until(lambda: self._frozen_in_transaction(database), "a consumer caught in mid-batch", seconds)

    def _frozen_in_transaction(self, database: ScratchDatabase) -> bool:
        assert self.is_alive, f"it has ended; its log: {self.log.read_text()[-3000:]}"
        self.freeze()
        if until(lambda: self._settled_state(database), "a backend that waits for its client") == "in transaction":
            return True
        self.thaw()
        return False

    def _settled_state(self, database: ScratchDatabase) -> str | None:
        """What the server does for it, once that can no longer change by itself."""
        rows = database.run(_TRANSACTION, (list(self.ports_to_database(database)),), role="superuser")
        if any(waits_for_client and has_number for waits_for_client, has_number, _ in rows):
            return "in transaction"
        return "outside" if all(state == "idle" for _, _, state in rows) else None
