"""Dead letters as they are shown."""

from datetime import UTC, datetime
from typing import Any

import msgspec

from taskmanager.api.rest.message_bytes import Bytes, shown
from taskmanager.application.commands import InboundMessage
from taskmanager.application.dead_letter_model import LetterCount, LetterSummary, PastAction
from taskmanager.application.read_model import TaskView
from taskmanager.application.use_cases.dead_letters.replay_result import ReplayResult
from taskmanager.application.use_cases.dead_letters.show_letter import LetterDetails


class LetterView(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A letter without anything of its message; `size` (bytes) is null where the message has no value."""

    id: int
    topic: str
    partition: int
    offset: int
    reason: str
    detail: str
    task_id: str | None
    state: str
    size: int | None
    recorded_at: datetime
    settled_at: datetime | None
    settled_by: str | None


class LettersPage(msgspec.Struct, frozen=True, kw_only=True):
    """Letters, the newest first; `next` is null after the last."""

    items: list[LetterView]
    next: int | None


class HeaderView(msgspec.Struct, frozen=True, kw_only=True):
    """A header; a message may have several of one name."""

    name: str
    value: Bytes | None


class MessageView(msgspec.Struct, frozen=True, kw_only=True):
    """A message byte for byte; `value` is null for a tombstone, `timestamp` is Kafka's."""

    key: Bytes | None
    value: Bytes | None
    headers: list[HeaderView]
    timestamp: datetime | None


class PastActionView(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody did with a letter; `edited` is the message that was replayed where it was corrected."""

    at: datetime
    action: str
    actor: str
    outcome: str | None
    detail: str | None
    edited: MessageView | None


class LetterDetailsView(LetterView, frozen=True, kw_only=True, rename="camel"):
    """Everything about a letter: its message, what to do about it, what was done with it, and its task."""

    advice: str
    message: MessageView
    history: list[PastActionView]
    task: TaskView | None


class LetterCountView(msgspec.Struct, frozen=True, kw_only=True):
    """How many letters of one reason are in one state."""

    reason: str
    state: str
    letters: int
    oldest: datetime
    newest: datetime


class LetterCounts(msgspec.Struct, frozen=True, kw_only=True):
    """Numbers of letters."""

    letters: int
    items: list[LetterCountView]


class ReplayView(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What a replay came to: an `outcome`, or the `reason` why the letter is still dead.

    Neither where somebody else has settled it meanwhile; `state` is that of the letter afterwards.
    """

    id: int
    outcome: str | None
    reason: str | None
    detail: str | None
    task_id: str | None
    state: str


class ReplayedPageView(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What the letters came to; `next` is where to go on (`after`), null where no letter is left."""

    replayed: int
    still_dead: int
    items: list[ReplayView]
    next: int | None


def letter_view(letter: LetterSummary) -> LetterView:
    """A letter in a list."""
    return LetterView(**_summary(letter))


def details_view(details: LetterDetails) -> LetterDetailsView:
    """A letter in full."""
    return LetterDetailsView(
        **_summary(details.letter.summary),
        advice=details.advice,
        message=_message(details.letter.message),
        history=[_past(past) for past in details.history],
        task=details.task,
    )


def count_view(count: LetterCount) -> LetterCountView:
    """A line of the statistics."""
    return LetterCountView(**count._asdict() | {"state": count.state.value})


def replay_view(result: ReplayResult) -> ReplayView:
    """What one letter came to."""
    return ReplayView(
        id=result.letter_id,
        outcome=result.outcome,
        reason=result.reason,
        detail=result.detail,
        task_id=None if result.task_id is None else str(result.task_id),
        state=result.state.value,
    )


def _summary(letter: LetterSummary) -> dict[str, Any]:
    task_id = None if letter.task_id is None else str(letter.task_id)
    return msgspec.structs.asdict(letter) | {"task_id": task_id, "state": letter.state.value}


def _message(message: InboundMessage) -> MessageView:
    return MessageView(
        key=shown(message.key),
        value=shown(message.value),
        headers=[HeaderView(name=name, value=shown(value)) for name, value in message.headers or ()],
        timestamp=_time(message.timestamp_ms),
    )


def _past(past: PastAction) -> PastActionView:
    action = past.action
    return PastActionView(
        at=past.at,
        action=action.kind.value,
        actor=action.actor,
        outcome=action.outcome,
        detail=action.detail,
        edited=None if action.edited is None else _message(action.edited),
    )


def _time(milliseconds: int | None) -> datetime | None:
    try:
        return None if milliseconds is None else datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (OverflowError, OSError, ValueError):
        return None
