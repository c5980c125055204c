"""Waiting for conditions, never for time to pass."""

from collections.abc import Callable
from threading import Event
from time import monotonic
from typing import TypeVar

_Answer = TypeVar("_Answer")

_ASK_AGAIN_SECONDS = 0.01
_NEVER = Event()


def until(condition: Callable[[], _Answer], what: str, seconds: float = 30.0) -> _Answer:
    """The condition's answer once it is true (no empty list, not 0); fails with `what` after so many seconds."""
    deadline = monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        assert monotonic() < deadline, f"waited {seconds:g} s in vain: {what}"
        _NEVER.wait(_ASK_AGAIN_SECONDS)
