"""Ends a process that hangs."""

import os
import signal

import psutil
import structlog

from taskmanager.infrastructure.supervisor import ProcessState

_log = structlog.get_logger(__name__)


def kill_hung(process: ProcessState, silent_seconds: float) -> None:
    """Kills the process and its children, as one group, and tells why; nothing if it is another process by now.

    supervisord, whose child it must be as this process is, starts another in its place.
    """
    try:
        found = psutil.Process(process.pid)
        if found.ppid() != os.getppid() or os.getpgid(process.pid) != process.pid:
            return
        state = found.status()
        # Nobody else can have the number: supervisord, which has not reaped it, stands between.
        os.killpg(process.pid, signal.SIGKILL)
    except (psutil.NoSuchProcess, ProcessLookupError):
        return
    _log.error(
        "hung_process_killed", process_name=process.name, process_pid=process.pid, process_state=state,
        silent_seconds=silent_seconds, reason="no progress for longer than GUARD_HANG; it is started again",
    )  # fmt: skip
