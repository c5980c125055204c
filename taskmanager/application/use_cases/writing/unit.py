"""What one caller asks for, and what becomes of it."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from taskmanager.application.intents import Decided, Intent


class IdempotencyKey(NamedTuple):
    """A name that a caller gave to a request; no other caller's names are mixed up with it."""

    principal: str
    key: str


class Claim(NamedTuple):
    """A request by its name, with a digest that tells it from others to which somebody gave the same name."""

    name: IdempotencyKey
    digest: str


class StoredAnswer(msgspec.Struct, frozen=True, gc=False):
    """An answer as it goes out, and as it is kept beside an idempotency key; the body is JSON, or empty."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""


class Answer(NamedTuple):
    """The answer to a unit; `replayed` where it is that of an earlier one with the same key."""

    answer: StoredAnswer
    replayed: bool


class Unit(msgspec.Struct, frozen=True):
    """1..1000 intents that take effect together, and how what they come to is answered.

    `render` is called while the transaction is open, perhaps again for another try: it must be quick and pure. `size`
    is the number of bytes that wait with it.
    """

    intents: Sequence[Intent]
    render: Callable[[Sequence[Decided]], StoredAnswer]
    size: int = 0
    claim: Claim | None = None


class NotAnswered(Exception):  # noqa: N818 - reads as what it is
    """A unit that had no effect; the text says why."""


class Overloaded(NotAnswered):
    """Too much is waiting already; nothing was tried."""


class KeyReused(NotAnswered):
    """The idempotency key belongs to another request."""


class UnitRefused(NotAnswered):
    """The database refuses a value of it; the text names the rule, never the value."""
