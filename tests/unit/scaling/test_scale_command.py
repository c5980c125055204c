"""`taskmanager scale` where there is nothing to scale, and what it shows where there is."""

import json
import socket
import socketserver
import threading
import xmlrpc.server
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from click.testing import CliRunner, Result

from taskmanager.programs import scale
from taskmanager.server import ExitCode

PROCESSES = [
    {"name": "consumer-00", "group": "taskmanager", "statename": "RUNNING", "pid": 70, "start": 1},
    {"name": "consumer-01", "group": "taskmanager", "statename": "STOPPED", "pid": 0, "start": 0},
    {"name": "guard", "group": "guard", "statename": "RUNNING", "pid": 71, "start": 1},
]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(scale.command, arguments)


class _Server(socketserver.UnixStreamServer, xmlrpc.server.SimpleXMLRPCDispatcher):
    # What the handler asks of its usual server.
    logRequests = False  # noqa: N815
    _send_traceback_header = False

    def __init__(self, path: str) -> None:
        xmlrpc.server.SimpleXMLRPCDispatcher.__init__(self)
        socketserver.UnixStreamServer.__init__(self, path, _Handler)


class _Handler(xmlrpc.server.SimpleXMLRPCRequestHandler):
    disable_nagle_algorithm = False  # which a Unix socket does not know


@pytest.fixture
def run_directory(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A container with two slots, one of them in use; its address is short enough for a socket."""
    with TemporaryDirectory(prefix="scale-", dir="/tmp") as name:
        directory = Path(name)
        (directory / "consumers").write_text("1\n")
        with _Server(str(directory / "supervisord.sock")) as server:
            server.register_function(lambda: PROCESSES, "supervisor.getAllProcessInfo")
            thread = threading.Thread(target=server.serve_forever, args=(0.01,))
            thread.start()
            monkeypatch.setenv("TASKMANAGER_RUN_DIR", name)
            yield directory
            server.shutdown()
            thread.join()


def test_without_a_number_it_shows_the_consumers(run_directory: Path) -> None:
    lines = run().stdout.splitlines()
    assert lines[0] == "1 consumers are wanted; there may be 2 (CONSUMER_SLOTS)"
    assert [line.split()[:3] for line in lines[2:]] == [["0", "RUNNING", "70"]]


def test_machines_see_every_slot(run_directory: Path) -> None:
    document = json.loads(run("--json").stdout)
    assert (document["wanted"], document["slots"], document["runDirectory"]) == (1, 2, str(run_directory))
    assert [(row["slot"], row["state"], row["pid"]) for row in document["consumers"]] == [
        (0, "RUNNING", 70),
        (1, "STOPPED", None),
    ]


def test_where_no_number_was_written_down_those_that_run_are_the_wanted_ones(run_directory: Path) -> None:
    (run_directory / "consumers").unlink()
    assert run().stdout.startswith("1 consumers are wanted")


def test_a_number_that_runs_already_is_confirmed(run_directory: Path) -> None:
    document = json.loads(run("1", "--json").stdout)
    assert (document["from"], document["wanted"]) == (1, 1)
    assert document["seconds"] < 5


def test_too_many_are_refused_with_the_variable_that_limits_them(run_directory: Path) -> None:
    answer = run("3")
    assert answer.exit_code != 0
    assert "CONSUMER_SLOTS" in answer.stderr
    assert (run_directory / "consumers").read_text() == "1\n"


def test_what_is_not_reached_in_time_is_told(run_directory: Path) -> None:
    answer = run("2", "--wait", "0")
    assert answer.exit_code == ExitCode.TEMPORARY
    assert "consumer-01 is STOPPED" in answer.stderr


@pytest.mark.parametrize("number", ["0", "-1"])
def test_no_consumer_at_all_is_refused(number: str) -> None:
    answer = run("--", number)
    assert answer.exit_code != 0
    assert "1 or more" in answer.stderr


def test_a_directory_where_nothing_runs_is_told(tmp_path: Path) -> None:
    answer = run("2", "--run-dir", str(tmp_path))
    assert answer.exit_code == ExitCode.TEMPORARY
    assert "no container runs in" in answer.stderr
    assert not (tmp_path / "consumers").exists()


def test_where_nothing_runs_at_all_it_says_what_to_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TASKMANAGER_RUN_DIR", raising=False)
    monkeypatch.setattr(scale, "running_appliances", list)
    answer = run("2")
    assert answer.exit_code == ExitCode.TEMPORARY
    assert "bin/run" in answer.stderr


def test_another_users_container_is_told_apart_from_none(run_directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    answer = run("1")
    assert answer.exit_code == ExitCode.INTERNAL
    assert "as that user" in answer.stderr
