"""The open letters that match a filter, a stretch at a time."""

from collections.abc import AsyncIterator, Sequence

import msgspec

from taskmanager.application.dead_letter_model import LetterFilter, LetterState
from taskmanager.application.dead_letter_ports import DeadLetterReader

STRETCH = 500


async def open_letters(
    reader: DeadLetterReader, wanted: LetterFilter, *, up_to: int, limit: int | None, after: int = 0
) -> AsyncIterator[Sequence[int]]:
    """Ids above `after` in order, at most `limit` in all.

    Whatever becomes of a letter, the walk does not come back to it.
    """
    wanted = msgspec.structs.replace(wanted, state=LetterState.OPEN)
    left = limit
    while left is None or left > 0:
        size = STRETCH if left is None else min(STRETCH, left)
        letter_ids = await reader.following(wanted, after, up_to, size)
        if letter_ids:
            yield letter_ids
            after = letter_ids[-1]
        if len(letter_ids) < size:
            return
        left = None if left is None else left - size
