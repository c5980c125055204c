"""Dead letters: messages that came to nothing."""

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from types import NoneType
from typing import Any, TypedDict, Unpack

import msgspec

from taskmanager.client.calls import Calls, given
from taskmanager.client.pages import items


class LetterFilter(TypedDict, total=False):
    """Which letters are meant: those that satisfy everything that is given; times are those of their recording."""

    reason: str | list[str]
    topic: str
    partition: int
    task_id: str
    since: datetime
    until: datetime
    state: str


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A letter; `message`, `advice` and `history` are there where it was asked for alone."""

    id: int
    topic: str
    partition: int
    offset: int
    reason: str
    detail: str
    state: str
    recorded_at: datetime
    task_id: str | None = None
    settled_at: datetime | None = None
    settled_by: str | None = None
    advice: str | None = None
    message: Mapping[str, Any] | None = None
    history: list[Mapping[str, Any]] = []


class LetterPage(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A page of letters; `next` leads on and is None after the last."""

    items: list[DeadLetter]
    next: int | None = None


class DeadLetters:
    """`TaskManagerClient.dead_letters`; for administrators who are not bound to a user."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def list_letters(self, *, page_size: int = 100, **wanted: Unpack[LetterFilter]) -> AsyncIterator[DeadLetter]:
        """All letters that are wanted, page after page; without a `state` those that are open."""
        return items(self._calls, "/dead-letters", LetterPage, {**wanted, "limit": page_size}, "next", "before")

    async def get(self, letter_id: int) -> DeadLetter:
        """One letter with its message and its history."""
        return await self._calls.read(f"/dead-letters/{letter_id}", DeadLetter)

    async def replay(
        self, letter_id: int, *, edited: Mapping[str, Any] | None = None, dry_run: bool = False
    ) -> dict[str, Any]:
        """What the message comes to now, as it was or `edited` (value, headers, key)."""
        body = {**(edited or {}), **given(dryRun=dry_run or None)}
        path = f"/dead-letters/{letter_id}/replay"
        return await self._calls.change("POST", path, dict[str, Any], body, is_keyed=False)

    async def discard(self, letter_id: int) -> None:
        """Nobody needs it; doing so again changes nothing."""
        await self._calls.change("DELETE", f"/dead-letters/{letter_id}", NoneType, is_keyed=False)
