"""An archive is there as a whole, or not at all."""

import gzip
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from taskmanager.infrastructure.archive_directory import ArchiveDirectory


def anything(readable: int) -> None:
    """Approves."""


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_lines_are_kept_and_counted_by_reading_them_back(tmp_path: Path) -> None:
    directory = tmp_path / "not" / "there"
    counts: list[int] = []
    ArchiveDirectory(directory).write("a.gz", iter(["é", "{}"]), counts.append)

    assert counts == [2]
    assert gzip.decompress((directory / "a.gz").read_bytes()) == "é\n{}\n".encode()
    assert (directory.stat().st_mode & 0o777, (directory / "a.gz").stat().st_mode & 0o077) == (0o700, 0o000)


def test_an_archive_is_replaced_as_a_whole(tmp_path: Path) -> None:
    archive = ArchiveDirectory(tmp_path)
    archive.write("a.gz", ["one"], anything)

    def broken() -> Iterator[str]:
        yield "two"
        raise OSError("no")

    with pytest.raises(OSError, match="no"):
        archive.write("a.gz", broken(), anything)
    assert names(tmp_path) == ["a.gz"]
    assert gzip.decompress((tmp_path / "a.gz").read_bytes()) == b"one\n"
    archive.write("a.gz", ["three"], anything)
    assert gzip.decompress((tmp_path / "a.gz").read_bytes()) == b"three\n"


def test_what_is_not_approved_changes_nothing(tmp_path: Path) -> None:
    archive = ArchiveDirectory(tmp_path)
    archive.write("a.gz", ["one"], anything)

    def refuse(readable: int) -> None:
        raise OSError(f"not with {readable}")

    with pytest.raises(OSError, match="not with 2"):
        archive.write("a.gz", ["two", "three"], refuse)
    assert names(tmp_path) == ["a.gz"]
    assert gzip.decompress((tmp_path / "a.gz").read_bytes()) == b"one\n"


def test_two_drafts_of_one_name_do_not_meet(tmp_path: Path) -> None:
    def between(readable: int) -> None:
        with pytest.raises(OSError, match="no"):
            ArchiveDirectory(tmp_path).write("a.gz", _failing(), anything)

    ArchiveDirectory(tmp_path).write("a.gz", ["one"], between)

    assert gzip.decompress((tmp_path / "a.gz").read_bytes()) == b"one\n"


def _failing() -> Iterator[str]:
    yield "half"
    raise OSError("no")


def test_drafts_of_a_process_that_was_killed_are_cleared_away(tmp_path: Path) -> None:
    (tmp_path / "a.gz.x1y2.part").write_bytes(b"half")
    (tmp_path / "b.gz.x1y2.part").write_bytes(b"of another archive")
    ArchiveDirectory(tmp_path).write("a.gz", ["one"], anything)

    assert names(tmp_path) == ["a.gz", "b.gz.x1y2.part"]


def test_a_line_that_is_two_is_seen(tmp_path: Path) -> None:
    counts: list[int] = []
    ArchiveDirectory(tmp_path).write("a.gz", ["one\nand a half", "two"], counts.append)
    assert counts == [3]


@pytest.mark.parametrize("lost", [4, 12])
def test_a_disk_that_loses_the_end_of_a_file_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lost: int
) -> None:
    monkeypatch.setattr(os, "fsync", lambda file: os.ftruncate(file, os.fstat(file).st_size - lost))

    with pytest.raises(OSError, match=r"a\.gz\..*\.part cannot be read back whole: .*; look at the disk"):
        ArchiveDirectory(tmp_path).write("a.gz", ["one", "two"], anything)
    assert names(tmp_path) == []
