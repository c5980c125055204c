"""Reads a file of requests, one JSON object a line."""

from collections import deque
from collections.abc import Callable, Iterator
from typing import BinaryIO

import msgspec

from taskmanager.client import NewTask

LINE_MAX = 1024 * 1024
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class BadLine(Exception):  # noqa: N818 - reads as what it is
    """A line that is no request; `number` counts from 1."""

    def __init__(self, number: int, problem: str) -> None:
        super().__init__(f"line {number}: {problem}")
        self.number = number
        self.problem = problem


class RequestLines:
    """The requests of a file in order, from a line on; blank lines are passed over.

    `skipped` hears of each line that is no request; without it such a line raises `BadLine`. The numbers of the lines
    whose outcome is not known yet are remembered: see `settle`.
    """

    def __init__(
        self, file: BinaryIO, *, first_line: int = 1, skipped: Callable[[BadLine], None] | None = None
    ) -> None:
        self._file = file
        self._first_line = first_line
        self._skipped = skipped
        self._decoder = msgspec.json.Decoder(NewTask)
        self._pending: deque[int] = deque()
        self._settled = 0
        self.bytes_read = 0

    def __iter__(self) -> Iterator[NewTask]:
        number = 0
        while line := self._file.readline(LINE_MAX + 1):
            number += 1
            self.bytes_read += len(line)
            if number == 1:
                line = line.removeprefix(_BYTE_ORDER_MARK)
            if len(line) > LINE_MAX:
                raise BadLine(number, f"is longer than {LINE_MAX:,} bytes, which no request is")
            if number < self._first_line or not line.strip():
                continue
            try:
                task = self._decoder.decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                # A value of the wrong type says so by itself; the rest are words of a parser.
                is_json = isinstance(error, msgspec.ValidationError)
                bad = BadLine(number, str(error) if is_json else f"is not valid JSON: {error}")
                if self._skipped is None:
                    raise bad from None
                self._skipped(bad)
                continue
            self._pending.append(number)
            yield task

    def settle(self) -> int:
        """The line of the request whose outcome is known next."""
        self._settled += 1
        return self._pending.popleft()

    def line_of(self, index: int) -> int:
        """The line of the request with this place among all; its outcome is not known yet."""
        return self._pending[index - self._settled]

    @property
    def pending(self) -> tuple[int, int] | None:
        """The first and the last line whose outcome is not known; None if there is none."""
        return (self._pending[0], self._pending[-1]) if self._pending else None
