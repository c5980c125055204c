"""Cursors lead on in the list that they were made for, and nowhere else."""

import asyncio
from base64 import urlsafe_b64decode, urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskmanager.application.task_lists import TaskFilter
from taskmanager.application.use_cases.reading.cursors import CURSOR_MAX, Cursors
from taskmanager.domain.errors import InvalidValue
from tests.builders import at, task_id

_LIST = ("tasks", "ann@example.com")


class Keys:
    """Implements `CursorKeys`; counts how often it was asked."""

    def __init__(self, key: bytes = b"k" * 32) -> None:
        self._key = key
        self.asked = 0

    async def cursor_key(self) -> bytes:
        """See `CursorKeys.cursor_key`."""
        self.asked += 1
        return self._key


_positions = st.lists(st.integers(-(2**63), 2**63 - 1) | st.text(max_size=36), max_size=4)


@given(position=_positions)
def test_a_position_comes_back_from_another_process(position: list[int | str]) -> None:
    async def there_and_back() -> list[int | str]:
        return await Cursors(Keys()).open(await Cursors(Keys()).seal(position, _LIST), _LIST)

    assert asyncio.run(there_and_back()) == position


async def test_the_key_is_fetched_once() -> None:
    keys = Keys()
    cursors = Cursors(keys)
    for number in range(5):
        await cursors.open(await cursors.seal([number], _LIST), _LIST)
    assert keys.asked == 1


async def test_every_changed_bit_is_noticed() -> None:
    cursors = Cursors(Keys())
    raw = urlsafe_b64decode(_padded(await cursors.seal([1, str(task_id())], _LIST)))
    for bit in range(8 * len(raw)):
        changed = bytearray(raw)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(InvalidValue, match="none that was handed out"):
            await cursors.open(urlsafe_b64encode(bytes(changed)).rstrip(b"=").decode(), _LIST)


@pytest.mark.parametrize("text", ["", "x", "AAAA", "ä", "%%%", "=", "A" * CURSOR_MAX, "\0"])
async def test_what_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(InvalidValue, match="cursor: is none that was handed out"):
        await Cursors(Keys()).open(text, _LIST)


async def test_a_cursor_of_another_installation_is_refused() -> None:
    cursor = await Cursors(Keys(b"other" * 8)).seal([1], _LIST)
    with pytest.raises(InvalidValue, match="none that was handed out"):
        await Cursors(Keys()).open(cursor, _LIST)


@pytest.mark.parametrize(
    "other",
    [
        TaskFilter(owner="bob@example.com"),  # type: ignore[arg-type]
        TaskFilter(text="x"),
        TaskFilter(metadata={"a": "b"}),
        TaskFilter(created_after=at(0)),
        TaskFilter(newest_first=False),
    ],
)
async def test_a_cursor_of_another_list_is_told_apart_from_a_broken_one(other: TaskFilter) -> None:
    cursors = Cursors(Keys())
    cursor = await cursors.seal([1], ("tasks", TaskFilter()._replace(statuses=[])))  # type: ignore[arg-type]
    with pytest.raises(InvalidValue, match="belongs to another list"):
        await cursors.open(cursor, ("tasks", other._replace(statuses=[])))  # type: ignore[arg-type]


def _padded(cursor: str) -> str:
    return cursor + "=" * (-len(cursor) % 4)
