"""Lists dead letters, without anything of their messages."""

from collections.abc import Sequence

from taskmanager.application.dead_letter_model import LetterFilter, LetterSummary
from taskmanager.application.dead_letter_ports import DeadLetterReader


class ListLetters:
    """Answers a page of the letters that match a filter."""

    def __init__(self, reader: DeadLetterReader) -> None:
        self._reader = reader

    async def __call__(self, wanted: LetterFilter, limit: int, *, before: int | None = None) -> Sequence[LetterSummary]:
        """The newest `limit`, oldest of them first; the next page is asked for `before` the first id of this one.

        May raise a `StoreError`.
        """
        return await self._reader.newest(wanted, limit, before=before)
