"""However the demo ends, nothing of it goes on running."""

import os
import signal
import socket

import psutil
import pytest

from taskmanager import devstack
from tests.e2e.demo.launcher import SECONDS, wait_for_line


def reading(line: str) -> bool:
    return "playing" in line and "tasks: new 0 in_progress 0 completed 0" not in line


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_all_of_it_in_good_order(demo, workspace, number):
    process = demo.start("--workspace", workspace)
    wait_for_line(process, reading)
    names = [" ".join(running.cmdline()) for running in demo.running()]
    for program in ("api", "metrics", "guard", "consumer --slot 1", "relay", "housekeeper"):
        assert any(f"taskmanager {program}" in name for name in names), (program, names)

    os.killpg(process.pid, number)
    process.communicate(timeout=SECONDS)

    assert process.returncode == 0
    assert demo.running() == []


@pytest.fixture
def own_stack(tmp_path_factory):
    """A local directory without a stack; whatever is started there is stopped after the test."""
    local = tmp_path_factory.mktemp("local")
    yield local
    devstack.down(local)


def states(local):
    return {server.name: server.state for server in devstack.status(local)}


def test_a_stack_that_the_demo_has_started_ends_with_it(demo, own_stack):
    process = demo.start("--idle", TASKMANAGER_LOCAL=str(own_stack))
    wait_for_line(process, lambda line: "serving" in line)
    assert states(own_stack) == {"PostgreSQL": "up", "Kafka": "up"}

    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=SECONDS)

    assert process.returncode == 0
    assert states(own_stack) == {"PostgreSQL": "down", "Kafka": "down"}
    assert demo.running() == []


def test_an_impatient_user_need_not_wait_for_the_programs(demo, workspace):
    process = demo.start("--workspace", workspace)
    wait_for_line(process, reading)

    os.killpg(process.pid, signal.SIGINT)
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=SECONDS)

    assert demo.running() == []


def test_an_interrupted_run_with_an_end_says_so_and_drops_its_database(demo, stack):
    process = demo.start("--once", "--rate", "20")
    wait_for_line(process, reading)

    os.killpg(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=SECONDS)

    assert process.returncode == 128 + signal.SIGINT
    assert output == ""
    assert demo.running() == []


def test_an_appliance_that_dies_is_told_and_cleared_away(demo, workspace):
    process = demo.start("--workspace", workspace)
    wait_for_line(process, reading)
    [supervisord] = [running for running in demo.running() if "supervisor.supervisord" in running.cmdline()]

    supervisord.kill()
    _, errors = process.communicate(timeout=SECONDS)

    assert process.returncode == 69
    assert "the appliance cannot go on: supervisord ended" in errors
    assert "appliance.log" in errors
    assert demo.running() == []


def test_a_setting_that_cannot_be_is_named(demo, workspace):
    process = demo.start("--workspace", workspace, LOG_LEVEL="shouting")

    _, errors = process.communicate(timeout=SECONDS)

    assert process.returncode == 69
    assert "LOG_LEVEL" in errors
    assert demo.running() == []


def test_a_port_that_is_taken_is_named_with_the_remedy(demo):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        process = demo.start("--port", str(port))
        _, errors = process.communicate(timeout=SECONDS)

    assert process.returncode == 69
    assert f"port {port} cannot be had" in errors
    assert "--port" in errors


def test_two_demos_do_not_share_a_workspace(demo, workspace):
    first = demo.start("--idle", "--workspace", workspace)
    wait_for_line(first, lambda line: "serving" in line)

    second = demo.start("--idle", "--workspace", workspace)
    _, errors = second.communicate(timeout=SECONDS)

    assert second.returncode == 69
    assert "another bin/run works on" in errors
    assert psutil.pid_exists(first.pid)
    os.killpg(first.pid, signal.SIGTERM)
    first.communicate(timeout=SECONDS)
    assert demo.running() == []
