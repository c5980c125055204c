"""Ids for what is made here: RFC 9562, version 7, so that rows that are made together lie together."""

import os
import time

from taskmanager.domain.values import TaskId

_TAKEN = 19
_FETCHED = 50 * _TAKEN
# The digit that holds the variant: two bits are given, the other two random.
_VARIANT = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}


class _Randomness:
    """Random digits of the system, fetched by the thousand: a system call for each id would be half of its price."""

    def __init__(self) -> None:
        self._left = ""

    def take(self) -> str:
        """The next nineteen hexadecimal digits."""
        if not self._left:
            self._left = os.urandom(_FETCHED).hex()
        taken, self._left = self._left[:_TAKEN], self._left[_TAKEN:]
        return taken


_randomness = _Randomness()


def new_task_id() -> TaskId:
    """A UUIDv7 of this millisecond, the rest of it random."""
    time_ = f"{time.time_ns() // 1_000_000:012x}"
    random = _randomness.take()
    return TaskId(f"{time_[:8]}-{time_[8:]}-7{random[:3]}-{_VARIANT[random[3]]}{random[4:7]}-{random[7:]}")
