"""The file that says how many consumers there are to be."""

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from taskmanager.infrastructure.consumer_count import ConsumerCount


def test_without_a_file_the_default_counts(tmp_path: Path) -> None:
    assert ConsumerCount(tmp_path / "consumers", 3).read() == 3
    assert ConsumerCount(None, 4).read() == 4


def test_what_is_written_is_read_by_all(tmp_path: Path) -> None:
    path = tmp_path / "consumers"
    reader, writer = ConsumerCount(path, 3), ConsumerCount(path, 3)
    assert reader.read() == 3
    for number in (5, 1, 16):
        writer.write(number)
        assert reader.read() == writer.read() == number
    assert [child.name for child in tmp_path.iterdir()] == ["consumers"]


def test_a_file_that_is_removed_brings_the_default_back(tmp_path: Path) -> None:
    count = ConsumerCount(tmp_path / "consumers", 3)
    count.write(5)
    assert count.read() == 5
    (tmp_path / "consumers").unlink()
    assert count.read() == 3


@pytest.mark.parametrize("text", ["", "many", "-1", "0", "1.5", "٣", "9" * 40, "\xff"])
def test_a_file_without_a_number_is_told_once_and_the_default_counts(tmp_path: Path, text: str) -> None:
    path = tmp_path / "consumers"
    path.write_text(text, encoding="utf-8")
    count = ConsumerCount(path, 3)
    with capture_logs() as logs:
        assert [count.read(), count.read()] == [3, 3]

    assert [(entry["event"], entry["log_level"]) for entry in logs] == [("consumer_count_invalid", "error")]
    count.write(2)
    assert count.read() == 2


def test_a_file_that_cannot_be_read_is_told_once(tmp_path: Path) -> None:
    path = tmp_path / "consumers"
    path.mkdir()
    count = ConsumerCount(path, 3)
    with capture_logs() as logs:
        assert [count.read(), count.read()] == [3, 3]

    assert [entry["event"] for entry in logs] == ["consumer_count_unreadable"]


def test_less_than_one_consumer_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least 1 consumer, not 0"):
        ConsumerCount(tmp_path / "consumers", 3).write(0)
    with pytest.raises(FileNotFoundError, match="TASKMANAGER_RUN_DIR"):
        ConsumerCount(None, 3).write(2)
