"""Who is killed: supervisord's own child with its children, and nobody else."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from taskmanager.infrastructure.supervisor import ProcessState
from taskmanager.programs.guard.kill import kill_hung

WITH_A_CHILD = (
    "import subprocess, sys; subprocess.Popen(['sleep', '600'], stdout=1); print('ready', flush=True); input()"
)


@pytest.fixture
def sibling(monkeypatch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen[str]]:
    """A process in a group of its own that has a child; this test stands for the parent of both."""
    monkeypatch.setattr(os, "getppid", os.getpid)
    process = subprocess.Popen(
        [sys.executable, "-c", WITH_A_CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, process_group=0
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
        process.kill()


def hung(process: subprocess.Popen[str]) -> ProcessState:
    return ProcessState("relay", "RUNNING", process.pid)


def test_a_frozen_process_is_killed_with_its_children_and_it_is_told(sibling: subprocess.Popen[str]) -> None:
    sibling.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, sibling.pid, os.WSTOPPED)
    with capture_logs() as logs:
        kill_hung(hung(sibling), 60.0)
    assert sibling.wait(10) == -signal.SIGKILL
    assert sibling.stdout is not None
    assert sibling.stdout.read() == "", "its output ends: the child, which shared it, is gone too"
    (line,) = logs
    assert (line["process_name"], line["process_pid"], line["process_state"]) == ("relay", sibling.pid, "stopped")


def test_another_parents_child_is_left_alone(sibling: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getppid", lambda: 1)
    kill_hung(hung(sibling), 60.0)
    assert sibling.poll() is None


def test_a_process_that_is_gone_already_is_nothing_to_tell(sibling: subprocess.Popen[str]) -> None:
    os.killpg(sibling.pid, signal.SIGKILL)
    sibling.wait(10)
    with capture_logs() as logs:
        kill_hung(hung(sibling), 60.0)
    assert logs == []
