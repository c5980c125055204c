"""Archives as compressed files of a directory."""

import gzip
import os
import tempfile
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path

_LEVEL = 6


class ArchiveDirectory:
    """Implements `Archive`: each archive is a gzip file of lines, a draft until it is complete."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, name: str, lines: Iterable[str], approve: Callable[[int], None]) -> None:
        """See `Archive.write`."""
        self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
        # It holds what users have asked for: the file is readable by its owner alone.
        descriptor, path = tempfile.mkstemp(prefix=f"{name}.", suffix=".part", dir=self._path)
        draft = Path(path)
        try:
            with os.fdopen(descriptor, "wb") as file:
                with gzip.GzipFile(filename="", mode="wb", fileobj=file, compresslevel=_LEVEL, mtime=0) as archive:
                    for line in lines:
                        archive.write(line.encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())
            approve(_count_lines(draft))
            draft.rename(self._path / name)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
        self._remove_drafts(name)
        _sync_directory(self._path)

    def _remove_drafts(self, name: str) -> None:
        """What a process that was killed has left of earlier attempts."""
        for left in self._path.glob(f"{name}.*.part"):
            left.unlink(missing_ok=True)


def _count_lines(path: Path) -> int:
    """Reads the file through, whereby its checksum is compared."""
    try:
        with gzip.open(path, "rb") as archive:
            return sum(1 for _ in archive)
    except (EOFError, zlib.error) as error:
        raise OSError(f"{path.name} cannot be read back whole: {error}; look at the disk that it is on") from error


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
