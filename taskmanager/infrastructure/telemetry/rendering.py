"""From a log event to the bytes of one line."""

import json
import threading
from collections.abc import MutableMapping
from typing import Any, BinaryIO

import orjson

_OPTIONS = orjson.OPT_NON_STR_KEYS


def render_json(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> bytes:
    """structlog renderer: one JSON object, event and level first; never fails, whatever the values are."""
    ordered = {"timestamp": event.pop("timestamp", None), "level": event.pop("level", None), **event}
    try:
        return orjson.dumps(ordered, default=str, option=_OPTIONS)
    except TypeError:
        # Lone surrogates and integers beyond 64 bits are refused by orjson.
        return json.dumps(ordered, default=str).encode("ascii")


class LineWriter:
    """Writes whole lines to a stream, from any thread; a stream that is gone is no error."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def write(self, line: bytes) -> None:
        """Writes the line and an end of line at once, and flushes."""
        with self._lock:
            try:
                self._stream.write(line + b"\n")
                self._stream.flush()
            except (OSError, ValueError):
                # The reader of stdout has gone; work goes on without it.
                return


class LineLogger:
    """What structlog hands rendered lines to; carries the name that the logger was asked for by."""

    def __init__(self, writer: LineWriter, name: str) -> None:
        self._writer = writer
        self.name = name

    def msg(self, line: bytes | str) -> None:
        """Writes one rendered line."""
        self._writer.write(line if isinstance(line, bytes) else line.encode("utf-8", "backslashreplace"))

    debug = info = warning = warn = error = critical = exception = fatal = log = msg
