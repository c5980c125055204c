"""`DeadLetterReader` and `LetterStore` in memory; the ids of letters are 1, 2, 3 … in the order of their recording."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import groupby, takewhile
from typing import Any

import msgspec

from taskmanager.application.changes import Changes
from taskmanager.application.commands import Command, InboundMessage
from taskmanager.application.dead_letter_model import (
    DeadLetter,
    Extent,
    LetterActionKind,
    LetterCount,
    LetterFilter,
    LetterState,
    LetterSummary,
    PastAction,
)
from taskmanager.application.ports import StoreConflict
from tests.fakes.messages import TOPIC_IDS, codec
from tests.fakes.task_store import InMemoryTaskStore, InMemoryTransaction

_SETTLES = {LetterActionKind.REPLAY: LetterState.REPLAYED, LetterActionKind.DISCARD: LetterState.DISCARDED}


def decode(message: InboundMessage, topic_id: str, **settings: Any) -> Command:
    """Implements `Decode` by the codec of the tests."""
    return codec(topic_ids={message.topic: topic_id}, **settings).decode(message)


class InMemoryDeadLetters:
    """Implements both over the contents of a store in memory."""

    def __init__(self, store: InMemoryTaskStore) -> None:
        self.store = store

    async def newest(self, wanted: LetterFilter, limit: int, *, before: int | None = None) -> Sequence[LetterSummary]:
        """See `DeadLetterReader.newest`."""
        return [letter for letter in self._matching(wanted) if before is None or letter.id < before][-limit:]

    async def counts(self, wanted: LetterFilter) -> Sequence[LetterCount]:
        """See `DeadLetterReader.counts`."""
        found = sorted(self._matching(wanted), key=lambda letter: (letter.reason, letter.state, letter.recorded_at))
        groups = [list(group) for _, group in groupby(found, key=lambda letter: (letter.reason, letter.state))]
        return [
            LetterCount(group[0].reason, group[0].state, len(group), group[0].recorded_at, group[-1].recorded_at)
            for group in groups
        ]

    async def extent(self, wanted: LetterFilter) -> Extent:
        """See `DeadLetterReader.extent`."""
        found = self._matching(wanted)
        return Extent(len(found), found[-1].id if found else 0)

    async def following(self, wanted: LetterFilter, after: int, up_to: int, limit: int) -> Sequence[int]:
        """See `DeadLetterReader.following`."""
        return [letter.id for letter in self._matching(wanted) if after < letter.id <= up_to][:limit]

    async def load(self, letter_ids: Sequence[int], max_bytes: int) -> Sequence[DeadLetter]:
        """See `DeadLetterReader.load`."""
        found = [letter for letter in self._letters() if letter.summary.id in letter_ids]
        total = 0

        def fits(letter: DeadLetter) -> bool:
            nonlocal total
            total += _weight(letter.message)
            return letter is found[0] or total <= max_bytes

        return list(takewhile(fits, found))

    async def history(self, letter_id: int) -> Sequence[PastAction]:
        """See `DeadLetterReader.history`."""
        return [
            # The task is kept with the letter.
            PastAction(at, msgspec.structs.replace(action, task_id=None))
            for at, action in self.store.contents.letter_actions
            if action.letter_id == letter_id
        ]

    def serialise(self, changes: Changes) -> Changes:
        """See `TaskStore.serialise`."""
        return self.store.serialise(changes)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator["InMemoryLetterTransaction"]:
        """See `LetterStore.transaction`."""
        self.store.transactions += 1
        yield InMemoryLetterTransaction(self)

    def states(self) -> dict[int, LetterState]:
        """How every letter stands."""
        return {letter.summary.id: letter.summary.state for letter in self._letters()}

    def _matching(self, wanted: LetterFilter) -> list[LetterSummary]:
        return [letter.summary for letter in self._letters() if _matches(letter.summary, wanted)]

    def _letters(self) -> list[DeadLetter]:
        contents = self.store.contents
        settled: dict[int, PastAction] = {}
        for past in contents.letter_actions:
            if past.action.kind in _SETTLES:
                settled[past.action.letter_id] = past
        letters = []
        for number, ((message, reject), at) in enumerate(zip(contents.dead, contents.dead_at, strict=True), start=1):
            last = settled.get(number)
            summary = LetterSummary(
                id=number,
                topic=message.topic,
                partition=message.partition,
                offset=message.offset,
                reason=reject.reason.value,
                detail=reject.detail,
                task_id=(last.action.task_id if last else None) or reject.task_id,
                state=_SETTLES[last.action.kind] if last else LetterState.OPEN,
                size=None if message.value is None else len(message.value),
                recorded_at=at,
                settled_at=last.at if last else None,
                settled_by=last.action.actor if last else None,
            )
            letters.append(DeadLetter(summary, message, TOPIC_IDS[message.topic]))
        return letters


class InMemoryLetterTransaction(InMemoryTransaction):
    """Implements `LetterTransaction`; a letter that another writer settles meanwhile is a conflict, not a wait."""

    def __init__(self, letters: InMemoryDeadLetters) -> None:
        super().__init__(letters.store)
        self._letters = letters
        self._states: dict[int, LetterState] = {}

    async def lock(self, letter_ids: Sequence[int]) -> Mapping[int, LetterState]:
        """See `LetterTransaction.lock`."""
        self._store.before("lock")
        states = self._letters.states()
        self._states = {letter_id: states[letter_id] for letter_id in letter_ids if letter_id in states}
        return self._states

    async def commit(self, serialised: Changes) -> None:
        """See `WriteTransaction.commit`."""
        states = self._letters.states()
        if any(states[letter_id] is not state for letter_id, state in self._states.items()):
            raise StoreConflict("another operator was first")
        await super().commit(serialised)


def _weight(message: InboundMessage) -> int:
    headers = sum(len(name) + len(value or b"") for name, value in message.headers or ())
    return len(message.key or b"") + len(message.value or b"") + headers


def _matches(letter: LetterSummary, wanted: LetterFilter) -> bool:
    return (
        (not wanted.reasons or letter.reason in wanted.reasons)
        and wanted.topic in {None, letter.topic}
        and wanted.partition in {None, letter.partition}
        and wanted.task_id in {None, letter.task_id}
        and (wanted.since is None or letter.recorded_at >= wanted.since)
        and (wanted.until is None or letter.recorded_at < wanted.until)
        and wanted.state in {None, letter.state}
    )
