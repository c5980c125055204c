"""Archives as compressed files of a directory."""

import gzip
import os
from collections.abc import Iterable
from pathlib import Path

_LEVEL = 6


class ArchiveDirectory:
    """Implements `Archive`: each archive is a gzip file of lines; one of the same name is replaced as a whole."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, name: str, lines: Iterable[str]) -> int:
        """See `Archive.write`."""
        self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = self._path / f"{name}.part"
        try:
            # It holds what users have asked for.
            with open(draft, "wb", opener=_open_private) as file:
                with gzip.GzipFile(filename="", mode="wb", fileobj=file, compresslevel=_LEVEL, mtime=0) as archive:
                    for line in lines:
                        archive.write(line.encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
        readable = _count_lines(draft)
        draft.rename(self._path / name)
        _sync_directory(self._path)
        return readable


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _count_lines(path: Path) -> int:
    """Reads the file through, whereby its checksum is compared."""
    with gzip.open(path, "rb") as archive:
        return sum(1 for _ in archive)


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
