"""Dead letters as operators see them, and what they do with them."""

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

import msgspec

from taskmanager.application.commands import InboundMessage
from taskmanager.domain.values import TaskId


class LetterState(StrEnum):
    """Whether somebody still has to look at a dead letter."""

    OPEN = "open"
    REPLAYED = "replayed"
    DISCARDED = "discarded"


class LetterActionKind(StrEnum):
    """What can be done with a dead letter; a replay that failed leaves it as it was."""

    REPLAY = "replay"
    DISCARD = "discard"
    FAILED_REPLAY = "failed_replay"


class LetterAction(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody did with a letter.

    `outcome` is what a replayed message came to, or the reason why it still comes to nothing; `edited` is the message
    that was replayed where it was not the original, with the original's position and time.
    """

    letter_id: int
    kind: LetterActionKind
    actor: str
    outcome: str | None = None
    detail: str | None = None
    task_id: TaskId | None = None
    edited: InboundMessage | None = None


class PastAction(NamedTuple):
    """An entry of a letter's history."""

    at: datetime
    action: LetterAction


class LetterFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which letters are meant: those that satisfy everything that is given; times are those of their recording."""

    reasons: tuple[str, ...] = ()
    topic: str | None = None
    partition: int | None = None
    task_id: TaskId | None = None
    since: datetime | None = None
    until: datetime | None = None
    state: LetterState | None = LetterState.OPEN


class LetterSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A letter without anything of its message; `size` (bytes) is None where the message has no value.

    `reason` is a text, because a newer release may have written one that this one does not know.
    """

    id: int
    topic: str
    partition: int
    offset: int
    reason: str
    detail: str
    task_id: TaskId | None
    state: LetterState
    size: int | None
    recorded_at: datetime
    settled_at: datetime | None
    settled_by: str | None


class DeadLetter(NamedTuple):
    """A letter with its message; `topic_id` is the incarnation of the topic that the message was read from."""

    summary: LetterSummary
    message: InboundMessage
    topic_id: str


class LetterCount(NamedTuple):
    """How many letters of one reason are in one state, and when the first and the last of them were recorded."""

    reason: str
    state: LetterState
    letters: int
    oldest: datetime
    newest: datetime


class Extent(NamedTuple):
    """How many letters a filter matches now, and the largest id among them (0 if there is none)."""

    letters: int
    last_id: int
