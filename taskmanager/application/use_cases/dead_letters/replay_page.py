"""Replays dead letters that match a filter, as many at a time as a caller can wait for."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from taskmanager.application.dead_letter_model import LetterFilter, LetterState
from taskmanager.application.dead_letter_ports import DeadLetterReader
from taskmanager.application.use_cases.dead_letters.message_edit import AS_IT_WAS, MessageEdit
from taskmanager.application.use_cases.dead_letters.replay_letters import ReplayLetters
from taskmanager.application.use_cases.dead_letters.replay_result import ReplayResult

_LAST_ID = 2**63 - 1


class ReplayedPage(NamedTuple):
    """What the letters came to; `next` is the id behind which to go on, None where no letter is left."""

    results: Sequence[ReplayResult]
    next: int | None


class ReplayPage:
    """Replays the oldest open letters that match, behind those that were looked at before."""

    def __init__(self, reader: DeadLetterReader, replay: ReplayLetters) -> None:
        self._reader = reader
        self._replay = replay

    async def __call__(
        self,
        wanted: LetterFilter,
        operator: str,
        edit: MessageEdit = AS_IT_WAS,
        *,
        after: int,
        limit: int,
        dry_run: bool = False,
    ) -> ReplayedPage:
        """See `ReplayLetters.matching`: after a `StoreError` the same call again goes on with what is still open."""
        wanted = msgspec.structs.replace(wanted, state=LetterState.OPEN)
        # One more tells whether any are left.
        letter_ids = await self._reader.following(wanted, after, _LAST_ID, limit + 1)
        if not letter_ids:
            return ReplayedPage([], None)
        last = letter_ids[:limit][-1]
        results: list[ReplayResult] = []
        async for replayed in self._replay.matching(
            wanted, operator, edit, up_to=last, after=after, limit=limit, dry_run=dry_run
        ):
            results += replayed
        return ReplayedPage(results, last if len(letter_ids) > limit else None)
