"""Runs what one container runs, as a child: supervisord and its programs."""

import asyncio
import json
import re
import shutil
import socket
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import psutil

from taskmanager.infrastructure.consumer_count import FILE_NAME, ConsumerCount
from taskmanager.programs.demo.errors import DemoError

_CHECKOUT = Path(__file__).parents[3]
_MOST_CONSUMERS = 12  # as many as each topic has partitions
_DRAIN_SECONDS = 10
_STOP_SECONDS = _DRAIN_SECONDS + 5
_LOOK_SECONDS = 0.5
_GUARD_SECONDS = 3.0
_TAIL_BYTES = 65_536
_TAIL_LINES = 15
_GIVEN_UP = re.compile(r"gave up: (\S+) entered FATAL state").search
_GUARD_EXITS = 5
_ROUTINE = re.compile(r'\{.*"level":"(?:info|debug)"').match
LOOPBACK = "127.0.0.1"


def free_port() -> int:
    """A port that nobody listens on at this moment."""
    with socket.create_server((LOOPBACK, 0)) as server:
        return int(server.getsockname()[1])


def check_port(port: int) -> int:
    """The port, if it can be had; raises `DemoError` otherwise."""
    try:
        with socket.create_server((LOOPBACK, port)):
            return port
    except OSError as error:
        raise DemoError(
            f"port {port} cannot be had ({error.strerror}); name another one with --port, or none to get a free one"
        ) from None


def appliance_environment(
    inherited: Mapping[str, str], settings: Mapping[str, str], run_directory: Path, consumers: int
) -> dict[str, str]:
    """`inherited` with what the demo decides; the rest, such as LOG_LEVEL, is the user's."""
    return {
        **inherited,
        **settings,
        "API_PROCESSES": "1",
        "CONSUMER_PROCESSES": str(consumers),
        "CONSUMER_SLOTS": str(_MOST_CONSUMERS),
        "GRACEFUL_SHUTDOWN_TIMEOUT": str(_DRAIN_SECONDS),
        "PROMETHEUS_MULTIPROC_DIR": str(run_directory / "metrics"),
        "TASKMANAGER_PYTHON": sys.executable,
        "TASKMANAGER_RUN_DIR": str(run_directory),
        "TASKMANAGER_STOP_WAIT": str(_DRAIN_SECONDS + 2),
    }


def hopeless_program(supervisor_log: str) -> str | None:
    """The program that supervisord has given up, or the guard if it keeps dying: nobody else would notice that."""
    if given_up := _GIVEN_UP(supervisor_log):
        return given_up[1]
    return "guard" if supervisor_log.count("exited: guard (") >= _GUARD_EXITS else None


class Appliance:
    """supervisord with everything below it; what they say goes to `log`."""

    def __init__(self, log: Path, configuration: Path = _CHECKOUT / "supervisord.conf") -> None:
        self.log = log
        self._configuration = configuration
        # Not below the checkout: a socket's path may have 107 bytes.
        self.run_directory = Path(tempfile.mkdtemp(prefix="taskmanager-", dir="/tmp"))
        for name in ("metrics", "pulse"):
            (self.run_directory / name).mkdir()
        self._count = ConsumerCount(self.run_directory / FILE_NAME, default=0)
        self._process: asyncio.subprocess.Process | None = None

    async def start(self, environment: Mapping[str, str]) -> None:
        """Starts supervisord; the programs come up by and by, with as many consumers as CONSUMER_PROCESSES says."""
        self._count.write(int(environment["CONSUMER_PROCESSES"]))
        with self.log.open("wb") as output:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "supervisor.supervisord", "-c", str(self._configuration)),
                env=dict(environment),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=_CHECKOUT,
                start_new_session=True,  # Ctrl-C is for the demo, which stops the programs in order
            )

    def consumers(self) -> int:
        """How many consumers there are to be at this moment; bin/scale may have changed it."""
        return self._count.read()

    async def failure(self) -> DemoError:
        """Waits until the appliance ends, or a program is given up, although nobody asked for it, and says why."""
        if self._process is None:
            raise RuntimeError("the appliance was not started")
        while not (given_up := hopeless_program(await asyncio.to_thread(self._supervisor_log))):
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_SECONDS):
                    await self._process.wait()
                break
        # The guard ends the appliance because of such a program and knows more of it, unless it is the one.
        with suppress(TimeoutError):
            async with asyncio.timeout(_GUARD_SECONDS):
                await self._process.wait()
        verdict = self.run_directory / "verdict.json"
        if verdict.exists():
            found = json.loads(verdict.read_bytes())
            reason = f"{found['process']}: {found['reason']}"
        elif given_up:
            reason = f"{given_up} cannot be kept running"
        else:
            reason = f"supervisord ended with exit code {self._process.returncode}"
        return self.error(f"the appliance cannot go on: {reason}")

    def _supervisor_log(self) -> str:
        try:
            return (self.run_directory / "supervisord.log").read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return ""

    def error(self, problem: str) -> DemoError:
        """An error that shows the end of the log too."""
        return DemoError(f"{problem}\nFrom the log:\n{self.tail()}\nAll of it: {self.log}")

    def tail(self) -> str:
        """The last lines of the log that tell of trouble; where none does, the last lines."""
        with self.log.open("rb") as file:
            file.seek(max(0, self.log.stat().st_size - _TAIL_BYTES))
            lines = file.read().decode("utf-8", "replace").splitlines()
        troubled = [line for line in lines if not _ROUTINE(line)] or lines
        return "\n".join(f"  {line}" for line in troubled[-_TAIL_LINES:]) or "  (nothing)"

    async def stop(self) -> None:
        """Lets the programs finish what they have in hand; kills what is left after that."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.terminate()
            with suppress(TimeoutError):
                async with asyncio.timeout(_STOP_SECONDS):
                    await self._process.wait()
        await asyncio.to_thread(self.kill)

    def kill(self) -> None:
        """Ends at once whatever runs of it."""
        remaining = _with_variable("TASKMANAGER_RUN_DIR", str(self.run_directory))
        for process in remaining:
            with suppress(psutil.NoSuchProcess):  # psutil compares start times: a new owner of the id is left alone
                process.kill()
        # Our own child is the event loop's to wait for: it would never hear of one that somebody else has reaped.
        own = self._process.pid if self._process is not None else None
        psutil.wait_procs([process for process in remaining if process.pid != own], timeout=5)
        shutil.rmtree(self.run_directory, ignore_errors=True)


def _with_variable(name: str, value: str) -> list[psutil.Process]:
    """The processes that inherited this variable; finds those too whose parent is gone."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get(name) == value:
                found.append(process)
    return found
