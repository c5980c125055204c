"""Keeps one repeated line from drowning all others."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, MutableMapping
from dataclasses import dataclass
from typing import Any

import structlog

TEMPLATE = "_template"


@dataclass(slots=True)
class _Window:
    opened: float
    lines: int = 0
    suppressed: int = 0


class RateLimit:
    """structlog processor: of lines with the same event and logger, `burst` pass in each window of `seconds`.

    The first line after a window tells by `suppressed` how many were dropped in it. A line's `_template` counts instead
    of its event where it is given, so that the values inside a text make no difference.
    """

    def __init__(
        self,
        burst: int = 5,
        seconds: float = 10.0,
        *,
        most_windows: int = 1024,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._burst = burst
        self._seconds = seconds
        self._most = most_windows
        self._clock = clock
        self._windows: OrderedDict[tuple[str, str], _Window] = OrderedDict()
        self._lock = threading.Lock()

    def __call__(self, _logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        key = (str(event.pop(TEMPLATE, event.get("event"))), str(event.get("logger")))
        now = self._clock()
        with self._lock:
            window = self._windows.get(key)
            if window is None or now - window.opened >= self._seconds:
                suppressed = window.suppressed if window else 0
                window = self._open(key, now)
                if suppressed:
                    event["suppressed"] = suppressed
            window.lines += 1
            if window.lines <= self._burst:
                return event
            window.suppressed += 1
        raise structlog.DropEvent

    def _open(self, key: tuple[str, str], now: float) -> _Window:
        window = self._windows[key] = _Window(now)
        self._windows.move_to_end(key)
        if len(self._windows) > self._most:
            self._windows.popitem(last=False)
        return window

    def drain(self) -> Iterator[tuple[str, str, int]]:
        """Hands over (event, logger, suppressed) of every line that was dropped and not told of yet."""
        with self._lock:
            windows, self._windows = self._windows, OrderedDict()
        for (event, logger), window in windows.items():
            if window.suppressed:
                yield event, logger, window.suppressed
