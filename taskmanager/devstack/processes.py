"""Start servers that outlive us, find them again, stop them; never anybody else's."""

import subprocess
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from signal import Signals

import psutil

from taskmanager.devstack.accounts import Account
from taskmanager.devstack.errors import StackError

_POLL_SECONDS = 0.02
_KILL_SECONDS = 5.0


def spawn(
    argv: Sequence[str], *, log: Path, cwd: Path, environment: Mapping[str, str], account: Account | None = None
) -> psutil.Process:
    """Start a server in a session of its own, its output appended to `log`.

    A shell in between lets init adopt the server, so that it is neither our child nor our zombie.
    """
    with log.open("ab") as output:
        shell = subprocess.run(
            ["/bin/sh", "-c", '"$@" 2>&1 & echo $! >&2', "sh", *argv],
            cwd=cwd,
            env=dict(environment),
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    if shell.returncode != 0 or not shell.stderr.strip().isdigit():
        raise StackError(f"{argv[0]} could not be started: {shell.stderr.strip()}")
    try:
        return psutil.Process(int(shell.stderr))
    except psutil.NoSuchProcess as error:
        raise StackError(f"{argv[0]} ended at once. See {log}") from error


def inside(home: Path, names: Collection[str]) -> list[psutil.Process]:
    """The processes with one of these executable names that work inside `home`, oldest first.

    Recognised by what they are, not by a remembered number: a number may belong to a stranger by now. The handles
    returned carry the start time as well, and psutil refuses to signal a process id that was given away since.
    """
    real = home.resolve()
    found: list[psutil.Process] = []
    for process in psutil.process_iter():
        try:
            if process.name() in names and Path(process.cwd()).is_relative_to(real):
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return sorted(found, key=lambda process: (process.create_time(), process.pid))


def stop(processes: Sequence[psutil.Process], steps: Sequence[tuple[Signals, float]]) -> None:
    """Send each signal in turn to the oldest process, wait the seconds given for all; in the end kill what is left.

    The oldest is the server itself, the others are its children, which it ends in its own order.
    """
    left = list(processes)
    for signal, seconds in steps:
        if not left:
            return
        with suppress(psutil.NoSuchProcess):
            left[0].send_signal(signal)
        left = _wait(left, seconds)
    for process in left:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    _wait(left, _KILL_SECONDS)


def is_running(process: psutil.Process) -> bool:
    """Whether the process does anything still. A zombie does not: in a container nobody may collect it for a while."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _wait(processes: Sequence[psutil.Process], seconds: float) -> list[psutil.Process]:
    """Those that still run after at most so many seconds."""
    deadline = time.monotonic() + seconds
    while left := [process for process in processes if is_running(process)]:
        if time.monotonic() > deadline:
            break
        time.sleep(_POLL_SECONDS)
    return left
