"""PID 1 of the container: checks the configuration, migrates, runs supervisord, reaps orphans, and says how it ended.

It imports the standard library alone, since it stays in memory for as long as the container lives.
"""

import fcntl
import json
import math
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path

USAGE_TEXT = """\
Usage: entrypoint [--no-migrate]

Starts everything that one container runs: checks the configuration, brings the database's tables up to date, and runs
supervisord with all programs until SIGTERM or SIGINT arrives.

  --no-migrate   leave the tables as they are (another job migrates)
  --help         this text

Environment besides docs/configuration.md: TASKMANAGER_RUN_DIR, a private directory for sockets and metric files
(default: a temporary one). Exit codes: 0 stopped as asked; 78 the configuration is wrong; 70 a program could not be
kept running, or the guard that watches them showed no life for GUARD_HANG seconds; 143 or 130 stopped before
supervisord was up; otherwise that of the step that failed.
"""

# As in taskmanager.server.ExitCode, which is not imported for its weight.
USAGE = 64
INTERNAL_FAILURE = 70

_FORWARDED = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGUSR2)
_STOP_MARGIN_SECONDS = 2
_LOOK_SECONDS = 1.0
# The guard's first sign of life may take long on a busy machine.
_START_SECONDS = 60.0
# supervisord stops the group of programs first, then the guard.
_LAST_STOP_SECONDS = 10
# Only the migrations may log in as the owner of the tables.
_NOT_FOR_PROGRAMS = ("POSTGRES_OWNER_USER", "POSTGRES_OWNER_PASSWORD", "POSTGRES_OWNER_PASSWORD_FILE")
_PACKAGE_ROOT = Path(__file__).parents[2]


class Supervision:
    """Runs one child after another; signals go to the child of the moment, orphans are reaped on the way."""

    def __init__(self) -> None:
        self._child: int | None = None
        self.stop_signal: int | None = None
        for number in _FORWARDED:
            signal.signal(number, self._forward)

    def run(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        *,
        output: Path | None = None,
        watch: Callable[[], int | None] = lambda: None,
    ) -> int:
        """The exit code of `command`, 128 + n if signal n ended it; not started once a stop was asked for.

        Its stdout goes to the file `output`, if one is given. `watch` is called every second while it runs, until a
        stop is asked for; where it answers a signal, the command gets it.
        """
        if self.stop_signal is not None:
            return 128 + self.stop_signal
        with output.open("wb") if output else nullcontext() as stdout:
            process = subprocess.Popen(command, env=dict(environment), stdout=stdout)  # noqa: S603 - our own programs
        self._child = process.pid
        self._pass_on_early_stop()
        # A signal's handler runs in the middle of waitpid, which then goes on.
        signal.signal(signal.SIGALRM, lambda *_: self._send(watch() if self.stop_signal is None else None))
        signal.setitimer(signal.ITIMER_REAL, _LOOK_SECONDS, _LOOK_SECONDS)
        while True:
            pid, status = os.waitpid(-1, 0)
            if pid == process.pid:
                self._child = None
                signal.setitimer(signal.ITIMER_REAL, 0)
                process.returncode = code = os.waitstatus_to_exitcode(status)
                return 128 - code if code < 0 else code

    def _pass_on_early_stop(self) -> None:
        """For a signal between the check and the start: there was no child to send it to."""
        if self.stop_signal is not None and self._child is not None:
            os.kill(self._child, self.stop_signal)

    def _forward(self, number: int, _frame: object) -> None:
        if number in {signal.SIGTERM, signal.SIGINT, signal.SIGQUIT}:
            self.stop_signal = number
        self._send(number)

    def _send(self, number: int | None) -> None:
        if self._child is not None and number is not None:
            os.kill(self._child, number)


class GuardWatch:
    """Watches the guard itself: without it nobody would notice what becomes of the programs.

    It is called every second. Seconds in which this process stood still, as the whole container may, do not count.
    """

    def __init__(self, run_directory: Path, patience: float, stop_wait: int) -> None:
        self._pulse = run_directory / "pulse" / "guard"
        self._verdict = run_directory / "verdict.json"
        self._patience = patience
        self._end_after = stop_wait + _LAST_STOP_SECONDS
        self._seen: int | None = None
        self._silent = 0.0
        self._ending = 0.0

    def __call__(self) -> int | None:
        """The signal for supervisord, once the guard has been silent for too long; a second one if that is in vain."""
        if self._ending:
            self._ending += _LOOK_SECONDS
            return signal.SIGKILL if self._ending > self._end_after else None
        beat = self._beat()
        self._silent = 0.0 if beat != self._seen else self._silent + _LOOK_SECONDS
        self._seen = beat
        if self._silent <= (self._patience if beat is not None else max(self._patience, _START_SECONDS)):
            return None
        self._ending = _LOOK_SECONDS
        if not self._verdict.exists():
            reason = f"it showed no sign of life for {self._silent:g} s"
            self._verdict.write_text(json.dumps({"process": "guard", "reason": reason}), encoding="utf-8")
        return signal.SIGTERM

    def _beat(self) -> int | None:
        try:
            return self._pulse.stat().st_mtime_ns
        except OSError:
            return None


def supervisord_environment(
    environment: Mapping[str, str], settings: Mapping[str, str], run_directory: Path
) -> dict[str, str]:
    """What supervisord.conf needs: `environment` and `settings` in force, without the login of the tables' owner."""
    grace = float(settings["GRACEFUL_SHUTDOWN_TIMEOUT"])
    return {
        **{name: value for name, value in environment.items() if name not in _NOT_FOR_PROGRAMS},
        "API_PROCESSES": settings["API_PROCESSES"],
        "CONSUMER_PROCESSES": settings["CONSUMER_PROCESSES"],
        "CONSUMER_SPARES": str(int(settings["CONSUMER_SLOTS"]) - int(settings["CONSUMER_PROCESSES"])),
        "PROMETHEUS_MULTIPROC_DIR": str(run_directory / "metrics"),
        "TASKMANAGER_PYTHON": sys.executable,
        "TASKMANAGER_RUN_DIR": str(run_directory),
        "TASKMANAGER_STOP_WAIT": str(math.ceil(grace) + _STOP_MARGIN_SECONDS),
    }


def prepare(run_directory: Path) -> None:
    """Makes the directory private and removes what an earlier container left: metric files, pulses, socket, verdict."""
    run_directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    run_directory.chmod(0o700)
    for directory in (run_directory / "metrics", run_directory / "pulse"):
        if directory.exists():
            shutil.rmtree(directory)
        directory.mkdir(mode=0o700)
    for name in ("consumers", "supervisord.sock", "supervisord.pid", "verdict.json"):
        (run_directory / name).unlink(missing_ok=True)


def exit_code(supervisord: int, run_directory: Path) -> int:
    """The container's exit code: the guard's verdict, else supervisord's own."""
    verdict = run_directory / "verdict.json"
    if not verdict.exists():
        return supervisord
    found = json.loads(verdict.read_bytes())
    print(f"taskmanager: stopped because of {found['process']}: {found['reason']}", file=sys.stderr)  # noqa: T201
    return INTERNAL_FAILURE


def run(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Does it all; answers the exit code."""
    if "--help" in arguments or "-h" in arguments:
        print(USAGE_TEXT)  # noqa: T201
        return 0
    if unknown := [argument for argument in arguments if argument != "--no-migrate"]:
        print(f"entrypoint: unknown argument {unknown[0]!r}; see entrypoint --help", file=sys.stderr)  # noqa: T201
        return USAGE
    _share_output_files()
    supervision = Supervision()
    chosen = environment.get("TASKMANAGER_RUN_DIR")
    # Not under TMPDIR: a socket's path may have 107 bytes.
    run_directory = Path(chosen) if chosen else Path(tempfile.mkdtemp(prefix="taskmanager-", dir="/tmp"))
    try:
        return _run(supervision, run_directory, environment, migrate="--no-migrate" not in arguments)
    finally:
        if not chosen:
            shutil.rmtree(run_directory, ignore_errors=True)


def _share_output_files() -> None:
    """Several processes write to what stdout and stderr are: where that is a file, each write has to go to its end."""
    for descriptor in (1, 2):
        fcntl.fcntl(descriptor, fcntl.F_SETFL, fcntl.fcntl(descriptor, fcntl.F_GETFL) | os.O_APPEND)


def _run(supervision: Supervision, run_directory: Path, environment: Mapping[str, str], *, migrate: bool) -> int:
    prepare(run_directory)
    effective = run_directory / "settings.json"
    taskmanager = [sys.executable, "-m", "taskmanager"]
    if code := supervision.run([*taskmanager, "config", "--json"], environment, output=effective):
        return code
    settings = {row["name"]: row["value"] for row in json.loads(effective.read_bytes())}
    if migrate and (code := supervision.run([*taskmanager, "migrate"], environment)):
        return code
    # Written before anything reads it, and from now on bin/scale's.
    (run_directory / "consumers").write_text(f"{settings['CONSUMER_PROCESSES']}\n", encoding="ascii")
    child_environment = supervisord_environment(environment, settings, run_directory)
    stop_wait = int(child_environment["TASKMANAGER_STOP_WAIT"])
    code = supervision.run(
        [sys.executable, "-m", "supervisor.supervisord", "-c", str(_PACKAGE_ROOT / "supervisord.conf")],
        child_environment,
        watch=GuardWatch(run_directory, float(settings["GUARD_HANG"]), stop_wait),
    )
    return exit_code(code, run_directory)


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:], os.environ))
