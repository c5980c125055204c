"""Which server is meant, and what a terminal sees of long work."""

from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from taskmanager.client import Unreachable
from taskmanager.programs import running_appliances
from taskmanager.programs.running_appliances import RunningAppliance
from taskmanager.programs.tasks import connection, progress
from taskmanager.programs.tasks.connection import Connection
from taskmanager.programs.tasks.printable import line, shortened, table


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def appliance(port: int | None) -> RunningAppliance:
    return RunningAppliance(Path("/run/appliance"), datetime.now(UTC), port)


@pytest.mark.parametrize(
    ("url", "ports", "meant"),
    [
        ("http://tasks.example.com:8080/api/", [4100], "http://tasks.example.com:8080"),
        (None, [4100, None, 4200], "http://127.0.0.1:4200"),
        (None, [None], "http://127.0.0.1:3000"),
        (None, [], "http://127.0.0.1:3000"),
    ],
)
def test_the_server_is_the_named_one_or_one_that_runs_here(
    monkeypatch: pytest.MonkeyPatch, url: str | None, ports: list[int | None], meant: str
) -> None:
    monkeypatch.setattr(connection, "running_appliances", lambda: [appliance(port) for port in ports])
    assert Connection(url, None, None).client()._transport.base_url == meant


@pytest.mark.parametrize(("port", "found"), [("4100", 4100), ("", None), ("none", None)])
def test_the_port_of_an_appliance_is_that_of_its_environment(
    monkeypatch: pytest.MonkeyPatch, port: str, found: int | None
) -> None:
    process: Any = SimpleNamespace(
        cmdline=lambda: ["supervisor.supervisord", running_appliances._CONFIGURATION],
        environ=lambda: {"TASKMANAGER_RUN_DIR": "/run/appliance", "APP_PORT": port},
        create_time=lambda: 0.0,
    )
    monkeypatch.setattr(running_appliances.psutil, "process_iter", lambda: [process])
    (appliance,) = running_appliances.running_appliances()
    assert appliance.api_port == found


def test_a_bar_is_drawn_on_a_terminal_and_wiped(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(progress.sys, "stderr", terminal)
    times = iter([0.0, 0.05, 0.2])
    with progress.Progress("creating", 200, lambda: next(times)) as bar:
        for done in (50, 60, 100):
            bar(done, f"{done} created")
    drawn = [each for each in terminal.getvalue().split("\r\x1b[K") if each]
    assert drawn == [
        "creating [######------------------]  25%  50 created",
        "creating [############------------]  50%  100 created",
    ]
    assert terminal.getvalue().endswith("\r\x1b[K")


def test_no_bar_is_drawn_into_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    file = StringIO()
    monkeypatch.setattr(progress.sys, "stderr", file)
    with progress.Progress("creating", None) as bar:
        bar(1, "1 created")
    assert file.getvalue() == ""


def test_no_pause_is_told_as_none(capsys: pytest.CaptureFixture[str]) -> None:
    connection.tell_interruption(Unreachable("http://here", "it is away", may_have_arrived=False), 0.2)
    assert capsys.readouterr().err == "(http://here gives no answer: it is away; going on in 1 s)\n"


def test_no_terminal_obeys_a_text() -> None:
    assert line("a\x1b]0;x\x07\nb\u202e") == "a\\x1b]0;x\\x07\\nb\\u202e"
    assert shortened("abcdef", 4) == "abc…"
    assert table([("a", "bb"), ("ccc", "d")]) == "a    bb\nccc  d"
