"""Work that is done in short transactions, so much of it at a time."""

from collections.abc import Awaitable, Callable

from taskmanager.application.use_cases.housekeeping.rule import Done

_BATCH = 1000
_BATCHES_PER_CALL = 20


async def in_batches(effect: str, work: Callable[[int], Awaitable[int]]) -> Done:
    """Calls `work`, which deals with at most so many things and answers how many, until it finds no more.

    Nothing else waits for that longer than twenty calls: then there is `more`.
    """
    done = 0
    for _ in range(_BATCHES_PER_CALL):
        count = await work(_BATCH)
        done += count
        if count < _BATCH:
            return Done({effect: done})
    return Done({effect: done}, more=True)
