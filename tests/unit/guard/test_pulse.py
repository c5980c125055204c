"""The file by which a process shows that its work goes on."""

import os
from pathlib import Path

from structlog.testing import capture_logs

from taskmanager.infrastructure.pulse import Pulse
from tests.fakes.seconds import Seconds


def aged(path: Path) -> Path:
    """The file with a time long past, so that a touch shows."""
    os.utime(path, (1, 1))
    return path


def test_the_first_beat_makes_the_file_and_its_directory(tmp_path: Path) -> None:
    Pulse(tmp_path / "pulse" / "relay").beat()

    assert (tmp_path / "pulse" / "relay").exists()


def test_it_touches_the_file_at_most_once_a_second(tmp_path: Path) -> None:
    clock, path = Seconds(), tmp_path / "relay"
    pulse = Pulse(path, clock)
    pulse.beat()
    aged(path)
    clock.now += 0.99
    pulse.beat()
    assert path.stat().st_mtime == 1
    clock.now += 0.01
    pulse.beat()
    assert path.stat().st_mtime > 1


def test_a_file_that_was_removed_comes_back(tmp_path: Path) -> None:
    clock, path = Seconds(), tmp_path / "relay"
    pulse = Pulse(path, clock)
    pulse.beat()
    path.unlink()
    clock.now += 1
    pulse.beat()
    assert path.exists()


def test_without_a_run_directory_there_is_no_file_and_no_failure(tmp_path: Path) -> None:
    Pulse(None).beat()


def test_a_directory_that_cannot_be_written_is_told_once_and_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "pulse").write_text("a file where the directory should be")
    clock = Seconds()
    pulse = Pulse(tmp_path / "pulse" / "relay", clock)
    with capture_logs() as logs:
        for _ in range(3):
            pulse.beat()
            clock.now += 1

    assert [line["event"] for line in logs] == ["pulse_cannot_be_written"]
