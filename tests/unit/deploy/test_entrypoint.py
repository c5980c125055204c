"""PID 1: order of the steps, signals, orphans, exit codes; with real processes in place of the service's."""

import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from taskmanager.programs import entrypoint
from taskmanager.server import ExitCode

ROOT = Path(__file__).parents[3]
ENTRYPOINT = ROOT / "bin" / "entrypoint"


@pytest.fixture
def supervised() -> Callable[[str], subprocess.Popen[str]]:
    """Starts Python code below a `Supervision`; the code's own child is `child`."""
    started: list[subprocess.Popen[str]] = []

    def start(code: str) -> subprocess.Popen[str]:
        runner = (
            "import sys\n"
            "from taskmanager.programs.entrypoint import Supervision\n"
            "import os\n"
            "sys.exit(Supervision().run([sys.executable, '-c', sys.argv[1]], os.environ))"
        )
        process = subprocess.Popen([sys.executable, "-c", runner, code], stdout=subprocess.PIPE, text=True, cwd=ROOT)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


WAITS_FOR_SIGTERM = """
import signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
print('ready', flush=True)
signal.pause()
"""


def test_the_exit_code_is_the_childs(supervised: Callable[[str], subprocess.Popen[str]]) -> None:
    assert supervised("import sys; sys.exit(5)").wait(30) == 5


def test_a_child_that_a_signal_killed_counts_as_shells_count(
    supervised: Callable[[str], subprocess.Popen[str]],
) -> None:
    assert supervised("import os, signal; os.kill(os.getpid(), signal.SIGKILL)").wait(30) == 137


def test_signals_reach_the_child_which_decides_how_it_ends(
    supervised: Callable[[str], subprocess.Popen[str]],
) -> None:
    process = supervised(WAITS_FOR_SIGTERM)
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 7


def test_orphans_do_not_stay_as_zombies() -> None:
    # Only PID 1 and subreapers inherit orphans: prctl(PR_SET_CHILD_SUBREAPER) makes one of this test's process.
    code = """
import ctypes, os, sys
from taskmanager.programs.entrypoint import Supervision
assert ctypes.CDLL(None).prctl(36, 1, 0, 0, 0) == 0
# The child leaves a grandchild behind that ends first; the child waits until the grandchild is nobody's zombie.
child = '''
import os, sys, time
read, write = os.pipe()
middle = os.fork()
if middle == 0:
    grandchild = os.fork()
    if grandchild == 0:
        os._exit(0)
    os.write(write, str(grandchild).encode())
    os._exit(0)
os.waitpid(middle, 0)
grandchild = int(os.read(read, 20))
deadline = time.monotonic() + 20
while os.path.exists(f"/proc/{grandchild}"):
    if time.monotonic() > deadline:
        sys.exit(1)
    os.sched_yield()
sys.exit(0)
'''
sys.exit(Supervision().run([sys.executable, "-c", child], os.environ))
"""
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=60).returncode == 0


def test_nothing_is_started_once_a_stop_was_asked_for() -> None:
    code = """
import os, signal, sys
from taskmanager.programs.entrypoint import Supervision
supervision = Supervision()
os.kill(os.getpid(), signal.SIGTERM)
sys.exit(supervision.run([sys.executable, "-c", "print('started')"], os.environ))
"""
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (answer.returncode, answer.stdout) == (143, "")


def test_the_run_directory_is_private_and_cleared_of_what_an_earlier_container_left(tmp_path: Path) -> None:
    run = tmp_path / "run"
    (run / "metrics").mkdir(parents=True)
    (run / "metrics" / "counter_api-00.db").write_bytes(b"old")
    (run / "pulse").mkdir()
    (run / "pulse" / "relay").touch()
    (run / "verdict.json").write_text("{}")
    (run / "consumers").write_text("3")
    (run / "kept").write_text("somebody's")
    entrypoint.prepare(run)
    assert stat.S_IMODE(run.stat().st_mode) == 0o700
    assert list((run / "metrics").iterdir()) == []
    assert list((run / "pulse").iterdir()) == []
    assert sorted(path.name for path in run.iterdir()) == ["kept", "metrics", "pulse"]


def watched(run: Path, seconds: int, *, beats_until: int = 0, patience: float = 60) -> list[int | None]:
    """What is sent to supervisord in each second while the guard's pulse stands still from some second on."""
    (run / "pulse").mkdir()
    watch = entrypoint.GuardWatch(run, patience=patience, stop_wait=7)
    sent = []
    for second in range(seconds):
        if second < beats_until:
            (run / "pulse" / "guard").touch()
            os.utime(run / "pulse" / "guard", (second, second))
        sent.append(watch())
    return sent


def test_a_guard_that_shows_no_life_ends_the_container(tmp_path: Path) -> None:
    sent = watched(tmp_path, 200, beats_until=100)
    assert [(second, number) for second, number in enumerate(sent) if number] == [
        (160, signal.SIGTERM),
        (177, signal.SIGKILL),
        *((second, signal.SIGKILL) for second in range(178, 200)),
    ]
    assert json.loads((tmp_path / "verdict.json").read_bytes()) == {
        "process": "guard",
        "reason": "it showed no sign of life for 61 s",
    }


@pytest.mark.parametrize("patience", [5, 60])
def test_a_guard_that_never_came_to_life_does_so_too_but_has_its_time_to_start(tmp_path: Path, patience: float) -> None:
    assert watched(tmp_path, 61, patience=patience) == [None] * 60 + [signal.SIGTERM]


def test_the_watch_reaches_the_child_while_its_parent_waits_for_it() -> None:
    code = """
import os, signal, sys
from taskmanager.programs.entrypoint import Supervision
child = "import signal; signal.pause()"
sys.exit(Supervision().run([sys.executable, "-c", child], os.environ, watch=lambda: signal.SIGTERM))
"""
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=60).returncode == 143


def test_the_guards_verdict_makes_the_exit_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert entrypoint.exit_code(0, tmp_path) == 0
    assert entrypoint.exit_code(3, tmp_path) == 3
    (tmp_path / "verdict.json").write_text(json.dumps({"process": "api-00", "reason": "it would not start"}))
    assert entrypoint.exit_code(0, tmp_path) == ExitCode.INTERNAL
    assert "api-00: it would not start" in capsys.readouterr().err


def test_exit_codes_agree_with_those_of_the_programs() -> None:
    assert (entrypoint.USAGE, entrypoint.INTERNAL_FAILURE) == (ExitCode.USAGE, ExitCode.INTERNAL)


def test_programs_do_not_get_the_login_of_the_tables_owner(tmp_path: Path) -> None:
    environment = {"POSTGRES_OWNER_PASSWORD": "x", "POSTGRES_OWNER_USER": "o", "POSTGRES_PASSWORD": "p", "PATH": "/bin"}
    settings = {
        "GRACEFUL_SHUTDOWN_TIMEOUT": "30.5", "API_PROCESSES": "1", "CONSUMER_PROCESSES": "4", "CONSUMER_SLOTS": "9",
    }  # fmt: skip
    assert entrypoint.supervisord_environment(environment, settings, tmp_path) == {
        "POSTGRES_PASSWORD": "p",
        "PATH": "/bin",
        "API_PROCESSES": "1",
        "CONSUMER_PROCESSES": "4",
        "CONSUMER_SPARES": "5",
        "PROMETHEUS_MULTIPROC_DIR": str(tmp_path / "metrics"),
        "TASKMANAGER_PYTHON": sys.executable,
        "TASKMANAGER_RUN_DIR": str(tmp_path),
        "TASKMANAGER_STOP_WAIT": "33",
    }


def run_entrypoint(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    environment["PATH"] = os.environ["PATH"]
    return subprocess.run([ENTRYPOINT, *arguments], env=environment, capture_output=True, text=True, timeout=60)


def test_a_wrong_configuration_ends_it_with_every_mistake_and_78(tmp_path: Path) -> None:
    answer = run_entrypoint(TASKMANAGER_RUN_DIR=str(tmp_path), APP_PORT="zero", CONSUMER_PROCESSES="-1")
    assert answer.returncode == ExitCode.CONFIGURATION
    assert "APP_PORT" in answer.stderr
    assert "CONSUMER_PROCESSES" in answer.stderr


def test_help_teaches() -> None:
    answer = run_entrypoint("--help")
    assert answer.returncode == 0
    assert "--no-migrate" in answer.stdout


def test_an_unknown_argument_is_a_wrong_usage() -> None:
    answer = run_entrypoint("--fast")
    assert answer.returncode == ExitCode.USAGE
    assert "--fast" in answer.stderr
