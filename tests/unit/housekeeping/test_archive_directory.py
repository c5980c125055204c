"""An archive is there as a whole, or not at all."""

import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest

from taskmanager.infrastructure.archive_directory import ArchiveDirectory


def test_lines_are_kept_and_counted_by_reading_them_back(tmp_path: Path) -> None:
    directory = tmp_path / "not" / "there"

    assert ArchiveDirectory(directory).write("a.gz", iter(["é", "{}"])) == 2
    assert gzip.decompress((directory / "a.gz").read_bytes()) == "é\n{}\n".encode()
    assert (directory.stat().st_mode & 0o777, (directory / "a.gz").stat().st_mode & 0o077) == (0o700, 0o000)


def test_an_archive_is_replaced_as_a_whole(tmp_path: Path) -> None:
    archive = ArchiveDirectory(tmp_path)
    archive.write("a.gz", ["one"])

    def broken() -> Iterator[str]:
        yield "two"
        raise OSError("no")

    with pytest.raises(OSError, match="no"):
        archive.write("a.gz", broken())
    assert [path.name for path in tmp_path.iterdir()] == ["a.gz"]
    assert gzip.decompress((tmp_path / "a.gz").read_bytes()) == b"one\n"
    archive.write("a.gz", ["three"])
    assert gzip.decompress((tmp_path / "a.gz").read_bytes()) == b"three\n"


def test_a_line_that_is_two_is_seen(tmp_path: Path) -> None:
    assert ArchiveDirectory(tmp_path).write("a.gz", ["one\nand a half", "two"]) == 3
