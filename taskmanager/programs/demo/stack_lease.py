"""Stops the embedded stack with the last demo that needs it, if a demo started it."""

import fcntl
from pathlib import Path
from typing import IO

from taskmanager import devstack
from taskmanager.devstack import StackError, StackInfo
from taskmanager.devstack.progress import Progress


class StackLease:
    """Shares the stack with other demos; one that was up before they came stays up.

    The marks are files under `directory`, so that a demo which was killed leaves a stack that the next one still knows
    to be a demo's.
    """

    def __init__(self, root: Path, directory: Path, progress: Progress) -> None:
        self._root = root
        self._started = directory / "stack-started-by-demo"
        self._users = directory / "stack-users.lock"
        self._progress = progress
        self._file: IO[str] | None = None

    def take(self) -> StackInfo:
        """Starts the stack if need be; raises `StackError`."""
        self._users.parent.mkdir(parents=True, exist_ok=True)
        self._file = self._users.open("a")
        fcntl.flock(self._file, fcntl.LOCK_SH)
        try:
            return devstack.current(self._root)
        except StackError:
            self._started.touch()
        return devstack.ensure_up(self._root, progress=self._progress)

    def give_back(self) -> bool:
        """Stops the stack if a demo started it and no other demo uses it; returns whether it did."""
        if self._file is None:
            return False
        with self._file as file:
            self._file = None
            # Let go first: of two that end together, one must get the lock for itself.
            fcntl.flock(file, fcntl.LOCK_UN)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            if not self._started.exists():
                return False
            devstack.down(self._root, progress=self._progress)
            self._started.unlink(missing_ok=True)
            return True
