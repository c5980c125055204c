"""The sign of life of a process: a file that its working task touches, for the guard to watch."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import structlog

log = structlog.get_logger(__name__)

DIRECTORY = "pulse"
_SECONDS_BETWEEN = 1.0


class Pulse:
    """Touches the file `path` at most once a second; without a path it does nothing.

    To be called by the task that does the work, wherever it gets on or tries again: a timer beats on while work hangs.
    """

    def __init__(self, path: Path | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._clock = clock
        self._due = float("-inf") if path else float("inf")
        self._is_told = False

    def beat(self) -> None:
        """Tells that the work goes on; never raises, and costs nothing when called often."""
        now = self._clock()
        if now < self._due:
            return
        self._due = now + _SECONDS_BETWEEN
        assert self._path is not None  # noqa: S101 - without one it is never due
        try:
            _touch(self._path)
        except OSError as error:
            if not self._is_told:
                self._is_told = True
                log.error("pulse_cannot_be_written", path=str(self._path), error=error.strerror)


def _touch(path: Path) -> None:
    try:
        os.utime(path)
    except FileNotFoundError:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        path.touch(mode=0o600)
