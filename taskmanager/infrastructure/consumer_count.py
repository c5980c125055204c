"""How many consumer processes this container is to have: one number in a file that all of them look at."""

import os
import tempfile
from pathlib import Path

import structlog

log = structlog.get_logger(__name__)

FILE_NAME = "consumers"


class ConsumerCount:
    """The wanted number of consumers, kept in the file `path`; `default` counts while there is none.

    Any number of processes may read while one writes: they see the number before or the one after.
    """

    def __init__(self, path: Path | None, default: int) -> None:
        self._path = path
        self._default = default
        self._seen: tuple[int, int] | None = None
        self._number = default

    def read(self) -> int:
        """The number as of now, at least 1; looks into the file only where it is another one than last time.

        A file that holds no such number counts as none, which is logged once for each such file.
        """
        if self._path is None:
            return self._default
        try:
            found = self._path.stat()
            seen = found.st_ino, found.st_mtime_ns
            if seen != self._seen:
                self._number = self._parsed(self._path.read_text(encoding="ascii", errors="replace"))
                self._seen = seen
        except OSError as error:
            if not isinstance(error, FileNotFoundError) and self._seen != (-1, error.errno or 0):
                log.error("consumer_count_unreadable", path=str(self._path), error=error.strerror, using=self._default)
                self._seen = -1, error.errno or 0
            return self._default
        return self._number

    def write(self, number: int) -> None:
        """Makes this the number; raises `ValueError` below 1, and `OSError` where the file cannot be written."""
        if number < 1:
            raise ValueError(f"there must be at least 1 consumer, not {number}")
        if self._path is None:
            raise FileNotFoundError("no run directory is known; set TASKMANAGER_RUN_DIR")
        handle, name = tempfile.mkstemp(prefix=f".{self._path.name}-", dir=self._path.parent)
        temporary = Path(name)
        try:
            with os.fdopen(handle, "w", encoding="ascii") as file:
                file.write(f"{number}\n")
            temporary.replace(self._path)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise

    def _parsed(self, text: str) -> int:
        digits = text.strip()
        if digits.isascii() and digits.isdigit() and len(digits) < 10 and int(digits) > 0:
            return int(digits)
        log.error(
            "consumer_count_invalid", path=str(self._path), found=digits[:40], using=self._default,
            remedy="run bin/scale N",
        )  # fmt: skip
        return self._default
