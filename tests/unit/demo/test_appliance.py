"""The child that is supervisord."""

import asyncio
import re
import socket
import sys

import pytest

from taskmanager.infrastructure.consumer_count import FILE_NAME, ConsumerCount
from taskmanager.programs.demo.appliance import (
    Appliance,
    appliance_environment,
    check_port,
    free_port,
    hopeless_program,
)
from taskmanager.programs.demo.errors import DemoError

CONFIGURATION = """\
[supervisord]
nodaemon = true
silent = true
logfile = %(ENV_TASKMANAGER_RUN_DIR)s/supervisord.log
pidfile = %(ENV_TASKMANAGER_RUN_DIR)s/supervisord.pid
[program:broken]
command = /bin/sh -c "echo the reason >&2; exit 1"
startretries = 0
stderr_logfile = /dev/fd/2
stderr_logfile_maxbytes = 0
[program:steady]
command = /bin/cat
"""


def test_a_program_that_supervisord_gives_up_is_found():
    log = "WARN exited: api-00 (exit status 1; not expected)\nINFO gave up: api-00 entered FATAL state, too many"

    assert hopeless_program(log) == "api-00"


def test_a_program_that_was_killed_now_and_then_is_not_given_up():
    assert hopeless_program("WARN exited: consumer-00 (terminated by SIGKILL; not expected)\n" * 20) is None


@pytest.mark.parametrize(("exits", "found"), [(4, None), (5, "guard")])
def test_a_guard_that_keeps_dying_is_found(exits, found):
    assert hopeless_program("WARN exited: guard (exit status 78; not expected)\n" * exits) == found


def test_a_port_that_is_taken_is_refused_and_a_free_one_is_not():
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = server.getsockname()[1]
        with pytest.raises(DemoError, match=rf"port {taken} cannot be had .*--port"):
            check_port(taken)
    port = free_port()
    assert check_port(port) == port


def test_what_the_demo_decides_wins_over_the_callers_environment(tmp_path):
    inherited = {"LOG_LEVEL": "debug", "POSTGRES_HOST": "elsewhere", "CONSUMER_PROCESSES": "9"}

    environment = appliance_environment(inherited, {"POSTGRES_HOST": "here"}, tmp_path, consumers=3)

    assert environment["LOG_LEVEL"] == "debug"
    assert environment["POSTGRES_HOST"] == "here"
    assert environment["CONSUMER_PROCESSES"] == "3"
    assert environment["TASKMANAGER_PYTHON"] == sys.executable


@pytest.fixture
async def appliance(tmp_path):
    configuration = tmp_path / "supervisord.conf"
    configuration.write_text(CONFIGURATION)
    appliance = Appliance(tmp_path / "appliance.log", configuration)
    environment = {
        "PATH": "/usr/bin:/bin",
        "TASKMANAGER_RUN_DIR": str(appliance.run_directory),
        "CONSUMER_PROCESSES": "3",
    }
    await appliance.start(environment)
    yield appliance
    await appliance.stop()


async def test_a_program_that_is_given_up_is_told_with_what_it_said(appliance):
    error = await appliance.failure()

    assert "broken cannot be kept running" in error.message
    assert re.search(r"^  the reason$", error.message, re.MULTILINE)
    assert str(appliance.log) in error.message


async def test_it_knows_how_many_consumers_are_wanted_when_that_changes_too(appliance):
    assert appliance.consumers() == 3

    ConsumerCount(appliance.run_directory / FILE_NAME, default=1).write(5)

    assert appliance.consumers() == 5


async def test_stopping_leaves_neither_processes_nor_files_and_may_be_repeated(appliance):
    await appliance.failure()

    await appliance.stop()
    await appliance.stop()

    assert not appliance.run_directory.exists()


async def test_what_was_killed_at_once_can_still_be_stopped_in_good_order(appliance):
    appliance.kill()

    async with asyncio.timeout(5):
        await appliance.stop()


def test_routine_lines_are_left_out_of_what_is_shown(tmp_path):
    appliance = Appliance(tmp_path / "appliance.log")
    appliance.log.write_text('{"level":"info","event":"a"}\n{"level":"error","event":"b"}\nTraceback\n')

    assert appliance.tail() == '  {"level":"error","event":"b"}\n  Traceback'
    appliance.kill()


def test_where_nothing_tells_of_trouble_the_last_lines_are_shown(tmp_path):
    appliance = Appliance(tmp_path / "appliance.log")
    appliance.log.write_text("".join(f'{{"level":"info","event":"{number}"}}\n' for number in range(40)))

    assert len(appliance.tail().splitlines()) == 15
    assert '"39"' in appliance.tail()
    appliance.kill()
