"""Watches over the other programs: scales, ends what hangs, and ends the container when they cannot be helped."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import orjson
import structlog

from taskmanager.application.waiting import is_set_within
from taskmanager.infrastructure.supervisor import ProcessState, SupervisorError, SupervisorStopping
from taskmanager.programs.guard.listener import state_changes
from taskmanager.programs.guard.verdict import CrashWatch, Limits, StateChange, Verdict

VERDICT_FILE = "verdict.json"
_LOOK_SECONDS = 0.25

_log = structlog.get_logger(__name__)


def keep_stdout() -> int:
    """Sends whatever the process prints to stderr from now on; answers a descriptor of the real stdout."""
    sys.stdout.flush()
    protocol = os.dup(1)
    os.dup2(2, 1)
    return protocol


class GuardApplication:
    """The guard: `protocol` is where supervisord reads, `run_directory` where the verdict is left.

    `look` looks after the processes and answers those that hung; it runs in a thread, with pauses of
    `look_seconds`. `beat` is the guard's own sign of life.
    """

    def __init__(
        self,
        limits: Limits,
        look: Callable[[], Sequence[ProcessState]],
        beat: Callable[[], None],
        *,
        protocol: int,
        run_directory: Path,
        look_seconds: float = _LOOK_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._crashes = CrashWatch(limits)
        self._look = look
        self._beat = beat
        self._protocol = protocol
        self._run_directory = run_directory
        self._look_seconds = look_seconds
        self._clock = clock
        self._reader = asyncio.StreamReader()
        self._stopping = asyncio.Event()
        self._is_deaf = False

    async def start(self) -> None:
        """Opens the line from supervisord."""
        loop = asyncio.get_running_loop()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(self._reader), sys.stdin)

    async def wait(self) -> None:
        """Follows the events, and looks after the processes, until supervisord is gone."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._watch())
            await self._listen()
            self._stopping.set()

    async def stop(self) -> None:
        """Hangs up."""
        self._stopping.set()
        self._reader.feed_eof()

    async def _listen(self) -> None:
        async for change in state_changes(self._reader, lambda data: os.write(self._protocol, data)):
            self._tell(change)
            self._judge(self._crashes.observe(change, self._clock()))

    async def _watch(self) -> None:
        while not self._stopping.is_set():
            try:
                hung = await self._hung()
            except (SupervisorError, OSError) as error:
                # Without a beat for as long as this lasts: bin/entrypoint ends the container in the end.
                if not self._is_deaf:
                    _log.warning("guard_cannot_look", error=str(error))
                self._is_deaf = True
            else:
                self._is_deaf = False
                self._beat()
                for process in hung:
                    self._judge(self._crashes.hung(process.name, self._clock()))
            await is_set_within(self._stopping, self._look_seconds)

    async def _hung(self) -> Sequence[ProcessState]:
        try:
            return await asyncio.to_thread(self._look)
        except SupervisorStopping:
            return ()  # there is nothing left to look after

    def _tell(self, change: StateChange) -> None:
        level = _log.warning if change.state in {"EXITED", "BACKOFF", "FATAL"} else _log.info
        level(f"{change.process} is {change.state}")  # one event name per process: the rate limit counts by name

    def _judge(self, verdict: Verdict | None) -> None:
        if verdict is None:
            return
        path = self._run_directory / VERDICT_FILE
        if path.exists():
            return  # the container is ending already
        draft = path.with_suffix(".draft")
        draft.write_bytes(orjson.dumps({"process": verdict.process, "reason": verdict.reason}))
        draft.rename(path)
        _log.critical("ending the container", process_name=verdict.process, reason=verdict.reason)
        os.kill(os.getppid(), signal.SIGTERM)
