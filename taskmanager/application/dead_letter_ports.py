"""What the handling of dead letters needs of the store."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from taskmanager.application.changes import Changes
from taskmanager.application.commands import Command, InboundMessage
from taskmanager.application.dead_letter_model import (
    DeadLetter,
    Extent,
    LetterCount,
    LetterFilter,
    LetterState,
    LetterSummary,
    PastAction,
)
from taskmanager.application.ports import Serialised, WriteTransaction

# Decodes a message as the consumers do; the second argument is the id of the topic that it was read from.
Decode = Callable[[InboundMessage, str], Command]


class DeadLetterReader(Protocol):
    """Where dead letters are looked up; every method may raise a `StoreError`."""

    async def newest(self, wanted: LetterFilter, limit: int, *, before: int | None = None) -> Sequence[LetterSummary]:
        """The newest `limit` that match, of those with a smaller id than `before` if that is given; oldest first."""

    async def counts(self, wanted: LetterFilter) -> Sequence[LetterCount]:
        """How many match, by reason and state in alphabetical order."""

    async def extent(self, wanted: LetterFilter) -> Extent:
        """How many match, and up to which id."""

    async def following(self, wanted: LetterFilter, after: int, up_to: int, limit: int) -> Sequence[int]:
        """The next `limit` ids that match, in order, of those above `after` and not above `up_to`."""

    async def load(self, letter_ids: Sequence[int], max_bytes: int) -> Sequence[DeadLetter]:
        """These letters with their messages in the order of their ids: the first, and as many as fit into max_bytes."""

    async def history(self, letter_id: int) -> Sequence[PastAction]:
        """What was done with a letter, oldest first."""


class LetterTransaction(WriteTransaction, Protocol):
    """A transaction of the write path that holds letters; what it does not commit is rolled back."""

    async def lock(self, letter_ids: Sequence[int]) -> Mapping[int, LetterState]:
        """Locks these letters, before anything else, and answers how they stand now; leaves out what is not there."""


class LetterStore(Protocol):
    """Where letters are settled, together with the effects of their messages."""

    def serialise(self, changes: Changes) -> Serialised:
        """See `TaskStore.serialise`."""

    def transaction(self) -> AbstractAsyncContextManager[LetterTransaction]:
        """A new transaction; one at a time."""
