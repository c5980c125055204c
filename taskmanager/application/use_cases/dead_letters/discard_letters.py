"""Puts dead letters away that nobody will replay."""

from collections.abc import AsyncIterator, Sequence

from taskmanager.application.changes import Changes
from taskmanager.application.dead_letter_model import LetterAction, LetterActionKind, LetterFilter, LetterState
from taskmanager.application.dead_letter_ports import DeadLetterReader, LetterStore
from taskmanager.application.ports import Clock
from taskmanager.application.use_cases.dead_letters.conflicts import until_no_conflict
from taskmanager.application.use_cases.dead_letters.walk import open_letters


class DiscardLetters:
    """Marks open letters as discarded, with who and why; they stay in the table, and can still be replayed by id."""

    def __init__(self, reader: DeadLetterReader, store: LetterStore, clock: Clock) -> None:
        self._reader = reader
        self._store = store
        self._clock = clock

    async def by_id(
        self, letter_ids: Sequence[int], operator: str, why: str | None = None
    ) -> dict[int, LetterState | None]:
        """How each letter stood before: OPEN ones are discarded now, others are left; None for one that is not there.

        May raise a `StoreError`, and then nothing was discarded.
        """
        return await until_no_conflict(lambda: self._discard(letter_ids, operator, why))

    async def matching(
        self, wanted: LetterFilter, operator: str, why: str | None = None, *, up_to: int, limit: int | None = None
    ) -> AsyncIterator[int]:
        """Discards open letters that match, of ids not above `up_to`, and tells after each transaction how many."""
        async for letter_ids in open_letters(self._reader, wanted, up_to=up_to, limit=limit):
            before = await self.by_id(letter_ids, operator, why)
            yield sum(state is LetterState.OPEN for state in before.values())

    async def _discard(
        self, letter_ids: Sequence[int], operator: str, why: str | None
    ) -> dict[int, LetterState | None]:
        changes = Changes(self._clock.now(), {})
        async with self._store.transaction() as transaction:
            states = await transaction.lock(letter_ids)
            changes.letter_actions = [
                LetterAction(letter_id=letter_id, kind=LetterActionKind.DISCARD, actor=operator, detail=why)
                for letter_id, state in sorted(states.items())
                if state is LetterState.OPEN
            ]
            if changes.letter_actions:
                await transaction.commit(self._store.serialise(changes))
        return {letter_id: states.get(letter_id) for letter_id in letter_ids}
