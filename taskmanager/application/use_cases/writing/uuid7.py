"""Ids for what is made here: RFC 9562, version 7, so that rows that are made together lie together."""

import os
import time

from taskmanager.domain.values import TaskId

_VERSION = 0x7 << 76
_VARIANT = 0x2 << 62
_RANDOM_A = (1 << 12) - 1
_RANDOM_B = (1 << 62) - 1
_TAKEN = 10
_FETCHED = 100 * _TAKEN


class _Randomness:
    """The system's random bytes, fetched by the thousand: a system call for each id would be half of its price."""

    def __init__(self) -> None:
        self._left = b""

    def take(self) -> bytes:
        """The next ten bytes."""
        if not self._left:
            self._left = os.urandom(_FETCHED)
        taken, self._left = self._left[:_TAKEN], self._left[_TAKEN:]
        return taken


_randomness = _Randomness()


def new_task_id() -> TaskId:
    """A UUIDv7 of this millisecond, the rest of it random."""
    random = int.from_bytes(_randomness.take())
    milliseconds = time.time_ns() // 1_000_000
    number = (milliseconds << 80) | _VERSION | ((random >> 62 & _RANDOM_A) << 64) | _VARIANT | (random & _RANDOM_B)
    text = f"{number:032x}"
    return TaskId(f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}")
