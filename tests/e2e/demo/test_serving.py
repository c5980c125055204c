"""What one sees while the demo plays without an end."""

import os
import re
import signal
import subprocess

from tests.e2e.demo.launcher import SCALE, SECONDS, wait_for_line

SHORT_LEASES = {
    "TASK_TIMEOUT": "3",
    "TASK_HEARTBEAT_TIMEOUT": "2",
    "TASK_RETRY_BACKOFF": "0.1",
    "HOUSEKEEPING_INTERVAL": "0.2",
}


def test_workers_take_up_what_is_created_and_what_is_started_again(demo, workspace):
    process = demo.start("--workspace", workspace, **SHORT_LEASES)

    wait_for_line(process, re.compile(r"^api: http://127\.0\.0\.1:\d+/api/docs$").search)
    wait_for_line(process, re.compile(r"completed [1-9].* published to [1-9]").search)
    wait_for_line(process, re.compile(r"retried [1-9]").search)

    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=SECONDS)
    assert process.returncode == 0
    assert demo.running() == []


def test_the_number_of_consumers_changes_while_it_plays(demo, workspace):
    process = demo.start("--workspace", workspace)
    wait_for_line(process, re.compile(r"completed [1-9].* consumers 2$").search)
    [directory] = {running.environ()["TASKMANAGER_RUN_DIR"] for running in demo.running() if is_program(running)}

    subprocess.run([str(SCALE), "3", "--run-dir", directory], check=True, timeout=SECONDS, capture_output=True)

    wait_for_line(process, re.compile(r"consumers 3$").search)
    assert any("consumer --slot 2" in " ".join(running.cmdline()) for running in demo.running())
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=SECONDS)
    assert demo.running() == []


def is_program(process) -> bool:
    return "supervisor.supervisord" in process.cmdline()
