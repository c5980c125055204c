"""Watches over the other programs and ends the container when they cannot be helped."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import orjson
import structlog

from taskmanager.programs.guard.listener import state_changes
from taskmanager.programs.guard.verdict import CrashWatch, Limits, StateChange, Verdict

VERDICT_FILE = "verdict.json"

_log = structlog.get_logger(__name__)


def keep_stdout() -> int:
    """Sends whatever the process prints to stderr from now on; answers a descriptor of the real stdout."""
    sys.stdout.flush()
    protocol = os.dup(1)
    os.dup2(2, 1)
    return protocol


class GuardApplication:
    """The guard: `protocol` is where supervisord reads, `run_directory` where the verdict is left."""

    def __init__(
        self,
        limits: Limits,
        *,
        protocol: int,
        run_directory: Path,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._watch = CrashWatch(limits)
        self._protocol = protocol
        self._run_directory = run_directory
        self._clock = clock
        self._reader = asyncio.StreamReader()

    async def start(self) -> None:
        """Opens the line from supervisord."""
        loop = asyncio.get_running_loop()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(self._reader), sys.stdin)

    async def wait(self) -> None:
        """Follows the events until supervisord is gone."""
        async for change in state_changes(self._reader, lambda data: os.write(self._protocol, data)):
            self._tell(change)
            verdict = self._watch.observe(change, self._clock())
            if verdict is not None:
                self._condemn(verdict)

    async def stop(self) -> None:
        """Hangs up."""
        self._reader.feed_eof()

    def _tell(self, change: StateChange) -> None:
        level = _log.warning if change.state in {"EXITED", "BACKOFF", "FATAL"} else _log.info
        level(f"{change.process} is {change.state}")  # one event name per process: the rate limit counts by name

    def _condemn(self, verdict: Verdict) -> None:
        path = self._run_directory / VERDICT_FILE
        if path.exists():
            return  # the container is ending already
        draft = path.with_suffix(".draft")
        draft.write_bytes(orjson.dumps({"process": verdict.process, "reason": verdict.reason}))
        draft.rename(path)
        _log.critical("ending the container", process_name=verdict.process, reason=verdict.reason)
        os.kill(os.getppid(), signal.SIGTERM)
