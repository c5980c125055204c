"""Dead letters: messages that came to nothing."""

from collections.abc import AsyncIterator, Iterable, Mapping
from datetime import datetime
from types import NoneType
from typing import Any, TypedDict, Unpack

import msgspec

from taskmanager.application.read_model import TaskView
from taskmanager.client.calls import Calls
from taskmanager.client.pages import items

Bytes = str | Mapping[str, str]
"""A text, or {"base64": …} for bytes that are not UTF-8."""


class LetterFilter(TypedDict, total=False):
    """Which letters are meant: those that satisfy everything that is given; times are those of their recording."""

    reason: str | Iterable[str]
    topic: str
    partition: int
    task_id: str
    since: datetime
    until: datetime


class Correction(TypedDict, total=False):
    """What is put in place of parts of a message; `headers` replace those of their names."""

    headers: Mapping[str, Bytes]
    without_headers: list[str]


class WholeCorrection(Correction, total=False):
    """The same of one message alone."""

    key: Bytes
    value: Bytes


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A letter in a list; `size` (bytes) is None where the message has no value."""

    id: int
    topic: str
    partition: int
    offset: int
    reason: str
    detail: str
    state: str
    recorded_at: datetime
    task_id: str | None = None
    size: int | None = None
    settled_at: datetime | None = None
    settled_by: str | None = None


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """A header of a message."""

    name: str
    value: Bytes | None = None


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """A message; `value` is None for a tombstone."""

    key: Bytes | None = None
    value: Bytes | None = None
    headers: list[Header] = []
    timestamp: datetime | None = None


class PastAction(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody did with a letter; `edited` is the message that was replayed where it was corrected."""

    at: datetime
    action: str
    actor: str
    outcome: str | None = None
    detail: str | None = None
    edited: Message | None = None


class LetterDetails(DeadLetter, frozen=True, kw_only=True, rename="camel"):
    """A letter with its message, what to do about it, what was done with it, and its task if there is one."""

    advice: str
    message: Message
    history: list[PastAction] = []
    task: TaskView | None = None


class Replay(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What a replay came to: an `outcome`, or the `reason` why the letter is still dead; `state` is that afterwards."""

    id: int
    state: str
    outcome: str | None = None
    reason: str | None = None
    detail: str | None = None
    task_id: str | None = None


class LetterCount(msgspec.Struct, frozen=True, kw_only=True):
    """How many letters of one reason are in one state."""

    reason: str
    state: str
    letters: int
    oldest: datetime
    newest: datetime


class LetterPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of letters; `next` leads on and is None after the last."""

    items: list[DeadLetter]
    next: int | None = None


class _Replays(msgspec.Struct):
    items: list[Replay]
    next: int | None = None


class _Counts(msgspec.Struct):
    items: list[LetterCount]


class DeadLetters:
    """`TaskManagerClient.dead_letters`; for administrators who are not bound to a user."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def list_letters(
        self, *, state: str = "open", page_size: int = 100, **wanted: Unpack[LetterFilter]
    ) -> AsyncIterator[DeadLetter]:
        """All letters in a state (open, replayed, discarded, all), the newest first, page after page."""
        query = {**wanted, "state": state, "limit": page_size}
        return items(self._calls, "/dead-letters", LetterPage, query, "next", "before")

    async def count(self, *, state: str = "all", **wanted: Unpack[LetterFilter]) -> list[LetterCount]:
        """How many there are by reason and state."""
        return (await self._calls.read("/dead-letters/statistics", _Counts, {**wanted, "state": state})).items

    async def get(self, letter_id: int) -> LetterDetails:
        """One letter with everything that is known of it."""
        return await self._calls.read(f"/dead-letters/{letter_id}", LetterDetails)

    async def replay(self, letter_id: int, *, dry_run: bool = False, **corrected: Unpack[WholeCorrection]) -> Replay:
        """Gives the message its effect after all, as it was or corrected; `Conflict` if somebody has settled it."""
        path = f"/dead-letters/{letter_id}/replay"
        return await self._calls.change("POST", path, Replay, _order(corrected, dry_run=dry_run), is_keyed=False)

    async def replay_many(
        self,
        *,
        everything: bool = False,
        corrected: Correction | None = None,
        dry_run: bool = False,
        page_size: int = 500,
        **wanted: Unpack[LetterFilter],
    ) -> AsyncIterator[Replay]:
        """What the open letters that match come to, the oldest first; after a failure, again goes on with the rest.

        All there are must be said by `everything`.
        """
        chosen: dict[str, object] = {_NAMES.get(name, name): _listed(name, value) for name, value in wanted.items()}
        if everything:
            chosen["all"] = True
        order = _order(corrected or {}, dry_run=dry_run) | {"filter": chosen, "limit": page_size}
        after: int | None = 0
        while after is not None:
            body = order | {"after": after}
            page = await self._calls.change("POST", "/dead-letters/replay", _Replays, body, is_keyed=False)
            for replay in page.items:
                yield replay
            after = page.next

    async def discard(self, letter_id: int, why: str | None = None) -> None:
        """Puts a letter away that nobody will replay; again, this changes nothing. `Conflict` if it was replayed."""
        query = {"why": why}
        await self._calls.change("DELETE", f"/dead-letters/{letter_id}", NoneType, query=query, is_keyed=False)


_NAMES = {"task_id": "taskId", "without_headers": "withoutHeaders"}


def _listed(name: str, value: object) -> object:
    if name != "reason":
        return value
    return [value] if isinstance(value, str) else list(value) if isinstance(value, Iterable) else value


def _order(corrected: Mapping[str, Any], *, dry_run: bool) -> dict[str, Any]:
    order = {_NAMES.get(name, name): value for name, value in corrected.items()}
    return order | {"dryRun": True} if dry_run else order
