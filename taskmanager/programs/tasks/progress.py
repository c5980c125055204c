"""A bar on the terminal for work that is long."""

import shutil
import sys
from collections.abc import Callable
from time import monotonic
from typing import Self

_EVERY_SECONDS = 0.1
_BAR = 24


class Progress:
    """Draws how far it is on stderr, if that is a terminal; `total` None means that nobody knows how much there is."""

    def __init__(self, label: str, total: int | None, clock: Callable[[], float] = monotonic) -> None:
        self._label = label
        self._total = total
        self._clock = clock
        self._is_shown = sys.stderr.isatty()
        self._drawn: float | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        if self._drawn is not None:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

    def __call__(self, done: int, words: str) -> None:
        """Draws anew, unless it did so just now."""
        now = self._clock()
        if not self._is_shown or (self._drawn is not None and now - self._drawn < _EVERY_SECONDS):
            return
        self._drawn = now
        room = shutil.get_terminal_size().columns - 1
        sys.stderr.write(f"\r\x1b[K{self._drawing(done, words)[:room]}")
        sys.stderr.flush()

    def _drawing(self, done: int, words: str) -> str:
        if not self._total:
            return f"{self._label}: {words}"
        share = min(done / self._total, 1.0)
        filled = round(share * _BAR)
        return f"{self._label} [{'#' * filled}{'-' * (_BAR - filled)}] {share:4.0%}  {words}"
