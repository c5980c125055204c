"""Ids for what is made here: RFC 9562, version 7, so that rows that are made together lie together."""

import os
import time

from taskmanager.domain.values import TaskId

_VERSION = 0x7 << 76
_VARIANT = 0x2 << 62
_RANDOM_A = (1 << 12) - 1
_RANDOM_B = (1 << 62) - 1


def new_task_id() -> TaskId:
    """A UUIDv7 of this millisecond, the rest of it random."""
    random = int.from_bytes(os.urandom(10))
    milliseconds = time.time_ns() // 1_000_000
    number = (milliseconds << 80) | _VERSION | ((random >> 62 & _RANDOM_A) << 64) | _VARIANT | (random & _RANDOM_B)
    text = f"{number:032x}"
    return TaskId(f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}")
