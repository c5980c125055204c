"""Consumer processes under measurement, and who spends how much CPU meanwhile."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from time import monotonic, perf_counter, sleep
from typing import NamedTuple

import psutil
import psycopg2

_POLL_SECONDS = 0.05
_STALLED_SECONDS = 60.0


class Progress(NamedTuple):
    """How fast a stretch of messages went, from the first commit that was seen to the last."""

    messages: int
    seconds: float

    @property
    def per_second(self) -> float:
        """Messages per second."""
        return self.messages / self.seconds


@contextmanager
def running_consumers(environment: Mapping[str, str], count: int, log: Path) -> Iterator[list[psutil.Process]]:
    """So many consumer processes; they are stopped at the end, and must end cleanly (`RuntimeError` otherwise)."""
    programs = [("consumer", "--slot", str(slot)) for slot in range(count)]
    with running({**environment, "CONSUMER_PROCESSES": str(count)}, programs, log) as processes:
        yield processes


@contextmanager
def running(
    environment: Mapping[str, str], programs: Sequence[Sequence[str]], log: Path
) -> Iterator[list[psutil.Process]]:
    """Programs by their arguments; they are stopped at the end, and must end cleanly (`RuntimeError` otherwise)."""
    with ExitStack() as stack:
        output = stack.enter_context(log.open("wb"))
        processes = [
            subprocess.Popen(
                [sys.executable, "-m", "taskmanager", *arguments],
                env={**os.environ, **environment},
                stdout=output,
                stderr=subprocess.STDOUT,
            )
            for arguments in programs
        ]
        try:
            yield [psutil.Process(process.pid) for process in processes]
        finally:
            for process in processes:
                process.terminate()
            codes = [process.wait(60) for process in processes]
    if any(codes):
        raise RuntimeError(f"a process ended with exit code {max(codes)}; its log: {log}")


def watch(dsn: str, topic: str, target: int, started: Callable[[], None]) -> Progress:
    """Waits until `target` messages of the topic are behind the stored offsets.

    Counts from the first commit that it sees, so that the start of a process is not measured, and calls `started`
    then. Raises `RuntimeError` on a standstill.
    """
    with closing(psycopg2.connect(dsn)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        first: tuple[int, float] | None = None
        last, moved = -1, monotonic()
        while True:
            cursor.execute(
                "select coalesce(sum(next_offset), 0)::bigint from consumer_offsets where topic = %s", (topic,)
            )
            ((read,),) = cursor.fetchall()
            if read != last:
                last, moved = read, monotonic()
            if first is None and read:
                first = (read, perf_counter())
                started()
            if first and read >= target:
                return Progress(target - first[0], perf_counter() - first[1])
            if monotonic() - moved > _STALLED_SECONDS:
                raise RuntimeError(f"no progress for {_STALLED_SECONDS:.0f} s at {read} of {target} messages")
            sleep(_POLL_SECONDS)


class CpuMeter:
    """CPU seconds of groups of processes, each with its children, since the meter was made or restarted."""

    def __init__(self, groups: Mapping[str, list[psutil.Process]]) -> None:
        self._groups = groups
        self._began: dict[str, float] = {}
        self.restart()

    def restart(self) -> None:
        """Counts from now on."""
        self._began = {name: _cpu(processes) for name, processes in self._groups.items()}

    def micros_per(self, messages: int) -> dict[str, float]:
        """Microseconds of CPU per message and group."""
        return {
            name: (_cpu(processes) - self._began[name]) / messages * 1e6 for name, processes in self._groups.items()
        }


def process_behind_port(port: int) -> psutil.Process:
    """The process that listens on a loopback port, with all its children."""
    for connection in psutil.net_connections("tcp"):
        listens = connection.status == psutil.CONN_LISTEN and connection.laddr[1:2] == (port,)
        if listens and connection.pid:
            return psutil.Process(connection.pid)
    raise RuntimeError(f"nothing listens on port {port}")


def _cpu(processes: list[psutil.Process]) -> float:
    total = 0.0
    for process in processes:
        for member in (process, *process.children(recursive=True)):
            try:
                times = member.cpu_times()
            except psutil.NoSuchProcess:
                continue
            total += times.user + times.system
    return total
