"""Counts dead letters."""

from collections.abc import Sequence

from taskmanager.application.dead_letter_model import LetterCount, LetterFilter
from taskmanager.application.dead_letter_ports import DeadLetterReader


class CountLetters:
    """Answers how many letters match a filter."""

    def __init__(self, reader: DeadLetterReader) -> None:
        self._reader = reader

    async def __call__(self, wanted: LetterFilter) -> Sequence[LetterCount]:
        """By reason and state; may raise a `StoreError`."""
        return await self._reader.counts(wanted)
