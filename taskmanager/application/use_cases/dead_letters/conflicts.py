"""What is decided under locks is decided again where another transaction got in between."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from taskmanager.application.ports import CONTENDED, StoreConflict, StoreUnavailable

_Answer = TypeVar("_Answer")
_CONFLICTS_MAX = 20


async def until_no_conflict(attempt: Callable[[], Awaitable[_Answer]]) -> _Answer:
    """The answer of the first attempt that no other writer disturbs; `StoreUnavailable` where none comes through."""
    for _ in range(_CONFLICTS_MAX):
        try:
            return await attempt()
        except StoreConflict:
            continue
    raise StoreUnavailable(f"gave up after {_CONFLICTS_MAX} conflicts with other writers", CONTENDED)
