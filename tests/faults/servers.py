"""PostgreSQL and Kafka that a test stops, kills and starts again."""

from pathlib import Path
from signal import Signals

import psutil

from taskmanager.devstack import StackInfo, ensure_up, status
from taskmanager.devstack.processes import is_running

from .waiting import until


class PrivateStack:
    """A stack of the tests' own."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def up(self) -> StackInfo:
        """Starts what is down; returns when both servers serve."""
        return ensure_up(self._root)

    def stop(self, name: str, number: Signals) -> None:
        """Sends a signal to PostgreSQL or Kafka and returns when it is gone, which is thereby proved."""
        (pid,) = [server.pid for server in status(self._root) if server.name == name]
        assert pid is not None, f"{name} does not run"
        process = psutil.Process(pid)
        process.send_signal(number)
        until(lambda: not is_running(process), f"{name} ended")
        (state,) = [server.state for server in status(self._root) if server.name == name]
        assert state == "down", state
