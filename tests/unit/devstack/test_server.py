"""Bringing any server up and down, on a small program that stands for it."""

import sys
from pathlib import Path
from signal import Signals

import psutil
import pytest

from taskmanager.devstack.errors import StackError
from taskmanager.devstack.processes import inside, is_running, spawn, stop
from taskmanager.devstack.progress import silent
from taskmanager.devstack.server import Answer, bring_down, bring_up

NAME = Path(psutil.Process().exe()).name
STAY = "import signal; print('here', flush=True); signal.pause()"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('here', flush=True); signal.pause()"


class Program:
    """A server that is ready once its program has written a line."""

    name = "the program"
    ports = ()
    stop_steps = ((Signals.SIGTERM, 0.3),)

    def __init__(self, home: Path, code: str) -> None:
        self.home = home
        self.log = home.parent / "program.log"
        self.executables = frozenset({psutil.Process().name(), NAME})
        self.code = code
        self.finished = False
        self.prepared = 0

    def ask(self) -> Answer:
        if not inside(self.home, self.executables) or "here" not in self.log.read_text():
            return Answer.NONE
        return Answer.READY if self.finished else Answer.UNFINISHED

    def prepare(self, progress) -> None:
        self.home.mkdir(exist_ok=True)
        self.prepared += 1

    def start(self) -> psutil.Process:
        return spawn([sys.executable, "-S", "-c", self.code], log=self.log, cwd=self.home, environment={})

    def finish(self) -> None:
        self.finished = True


@pytest.fixture
def run(tmp_path):
    programs: list[Program] = []

    def make(code: str) -> Program:
        programs.append(Program(tmp_path / "home", code))
        return programs[-1]

    yield make
    for program in programs:
        stop(inside(program.home, program.executables), ())


def test_it_is_started_finished_and_left_running_in_a_session_of_its_own(run):
    program = run(STAY)

    bring_up(program, silent)

    (process,) = inside(program.home, program.executables)
    assert program.finished
    assert process.pid not in {child.pid for child in psutil.Process().children(recursive=True)}
    assert process.terminal() is None


def test_one_that_is_up_is_left_alone(run):
    program = run(STAY)
    bring_up(program, silent)

    bring_up(program, silent)

    assert program.prepared == 1


def test_one_that_was_left_unfinished_is_finished_and_not_started_anew(run):
    program = run(STAY)
    bring_up(program, silent)
    program.finished = False

    bring_up(program, silent)

    assert program.finished
    assert program.prepared == 1


def test_a_failed_start_shows_the_end_of_the_log_and_the_remedy(run):
    program = run("import sys; sys.exit('no space left on device')")
    program.log.write_text("an old line\n")

    with pytest.raises(StackError) as failure:
        bring_up(program, silent)

    assert "no space left on device" in str(failure.value)
    assert "an old line" not in str(failure.value)
    assert "bin/stack reset" in str(failure.value)
    assert inside(program.home, program.executables) == []


@pytest.mark.parametrize("code", [STAY, STUBBORN], ids=["obedient", "stubborn"])
def test_it_is_brought_down_whether_it_wants_or_not(run, code):
    program = run(code)
    bring_up(program, silent)
    processes = inside(program.home, program.executables)

    bring_down(program, silent)
    bring_down(program, silent)

    assert processes
    assert not any(is_running(process) for process in processes)


def test_a_process_elsewhere_is_not_ours(run, tmp_path):
    program = run(STAY)
    bring_up(program, silent)

    assert inside(tmp_path / "elsewhere", program.executables) == []
    assert inside(program.home, {"another-program"}) == []


def test_a_long_log_is_put_aside(run, monkeypatch):
    monkeypatch.setattr("taskmanager.devstack.server._KEEP_LOG_BYTES", 10)
    program = run(STAY)
    program.log.write_text("more than ten characters\n")

    bring_up(program, silent)

    assert program.log.read_text() == "here\n"
    assert program.log.with_suffix(".log.1").read_text() == "more than ten characters\n"
