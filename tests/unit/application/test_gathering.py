"""Those who wait at the same moment share one look-up."""

import asyncio
from collections.abc import Mapping, Sequence

import pytest

from taskmanager.application.gathering import Gathering
from taskmanager.application.ports import StoreUnavailable


class Library:
    """Knows the length of every text but the empty one; `gate` holds its answers back."""

    def __init__(self) -> None:
        self.asked: list[Sequence[str]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.failure: BaseException | None = None

    async def look_up(self, keys: Sequence[str]) -> Mapping[str, int]:
        self.asked.append(keys)
        await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        return {key: len(key) for key in keys if key}


async def test_who_asks_alone_is_answered_at_once() -> None:
    library = Library()
    lookups = Gathering(library.look_up, most=10)

    assert await lookups.get("abc") == 3
    assert await lookups.get("") is None
    assert library.asked == [["abc"], [""]]


async def test_who_asks_in_the_same_moment_or_while_another_is_answered_shares() -> None:
    library = Library()
    library.gate.clear()
    lookups = Gathering(library.look_up, most=3)
    callers = [asyncio.create_task(lookups.get(key)) for key in ("a", "bb", "a")]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    callers += [asyncio.create_task(lookups.get("c" * n)) for n in range(1, 6)]
    await asyncio.sleep(0)
    library.gate.set()

    assert await asyncio.gather(*callers) == [1, 2, 1, 1, 2, 3, 4, 5]
    assert library.asked == [["a", "bb"], ["c", "cc", "ccc"], ["cccc", "ccccc"]]


async def test_a_failure_is_everybodys_own_and_the_next_one_is_tried_again() -> None:
    library = Library()
    library.failure = StoreUnavailable("away", "08")
    lookups = Gathering(library.look_up, most=10)
    failures = await asyncio.gather(*(lookups.get(key) for key in "ab"), return_exceptions=True)

    assert [(type(error), str(error), error.kind) for error in failures] == [(StoreUnavailable, "away", "08")] * 2
    assert failures[0] is not failures[1]
    library.failure = None
    assert await lookups.get("a") == 1


async def test_who_goes_away_takes_nobody_along() -> None:
    library = Library()
    library.gate.clear()
    lookups = Gathering(library.look_up, most=10)
    gone, stays = (asyncio.create_task(lookups.get(key)) for key in ("a", "a"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    late = asyncio.create_task(lookups.get("never asked for"))
    await asyncio.sleep(0)
    gone.cancel()
    late.cancel()
    library.gate.set()

    assert await stays == 1
    with pytest.raises(asyncio.CancelledError):
        await gone
    assert await lookups.get("b") == 1
    assert library.asked == [["a"], ["b"]]


async def test_a_cancelled_round_leaves_nobody_waiting() -> None:
    library = Library()
    library.gate.clear()
    lookups = Gathering(library.look_up, most=10)
    caller = asyncio.create_task(lookups.get("a"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert lookups._round is not None
    lookups._round.cancel()

    with pytest.raises(asyncio.CancelledError):
        async with asyncio.timeout(5):
            await caller
