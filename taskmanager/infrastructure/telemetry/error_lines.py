"""Keeps the error lines of the log for whoever passes them on."""

import json
from collections import deque
from collections.abc import Iterable, MutableMapping
from datetime import datetime
from threading import Lock
from typing import Any, NamedTuple

_LEVELS = {"error", "critical"}
# The event stands by itself, and the process is known where the lines go.
_LEFT_OUT = {"event", "level", "timestamp", "process", "slot", "pid"}


class ErrorLine(NamedTuple):
    """One line: its event, the rest as JSON text, all masked."""

    logged_at: datetime
    event: str
    detail: str


class ErrorLines:
    """structlog processor: keeps lines of level error and above until they are taken, the first `most` of them.

    Belongs behind the masking. Lines of the loggers in `ignored` (and those below them) are passed by, so that whoever
    passes lines on does not hear of himself. For any number of threads.
    """

    def __init__(self, *, most: int = 100, ignored: Iterable[str] = ()) -> None:
        self._most = most
        self._ignored = tuple(ignored)
        self._lines: deque[ErrorLine] = deque()
        self._missed = 0
        self._lock = Lock()

    def __call__(self, _logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        if event.get("level") in _LEVELS and not str(event.get("logger")).startswith(self._ignored):
            line = _line(event)
            with self._lock:
                if len(self._lines) < self._most:
                    self._lines.append(line)
                else:
                    self._missed += 1
        return event

    def take(self, most: int) -> tuple[list[ErrorLine], int]:
        """Hands over the oldest lines, at most so many, and the number of those that found no room since."""
        with self._lock:
            lines = [self._lines.popleft() for _ in range(min(most, len(self._lines)))]
            missed, self._missed = self._missed, 0
        return lines, missed


def _line(event: MutableMapping[str, Any]) -> ErrorLine:
    rest = {key: value for key, value in event.items() if key not in _LEFT_OUT}
    if isinstance(rest.get("exception"), list):
        # Where it happened is in the log; here counts what.
        rest["exception"] = [f"{each.get('exc_type')}: {each.get('exc_value')}" for each in rest["exception"]]
    detail = json.dumps(rest, default=str, ensure_ascii=False)
    return ErrorLine(datetime.fromisoformat(event["timestamp"]), str(event.get("event")), detail)
