"""Dead letters as text for people and JSON for machines."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson

from taskmanager.application.commands import UNREADABLE_HEADERS, InboundMessage
from taskmanager.application.dead_letter_model import LetterCount, LetterState, LetterSummary, PastAction
from taskmanager.application.use_cases.dead_letters.show_letter import LetterDetails
from taskmanager.programs.dlq.bytes_text import dump, in_json, line

_Json = dict[str, Any]


def letters_table(letters: Sequence[LetterSummary], limit: int) -> str:
    """A line for each letter."""
    rows = [("ID", "RECORDED", "POSITION", "REASON", "STATE", "TASK", "BYTES", "DETAIL")]
    rows += [
        (
            str(letter.id),
            _time(letter.recorded_at),
            _position(letter),
            letter.reason,
            letter.state.value,
            letter.task_id or "-",
            "-" if letter.size is None else f"{letter.size:,}",
            letter.detail,
        )
        for letter in letters
    ]
    table = _table(rows) if letters else "no dead letter matches"
    more = f"\n(there may be older ones: --limit, or --before {letters[0].id})" if len(letters) == limit else ""
    return table + more


def letters_json(letters: Sequence[LetterSummary]) -> bytes:
    """An array of objects."""
    return orjson.dumps([_summary(letter) for letter in letters])


def counts_table(counts: Sequence[LetterCount]) -> str:
    """A line for each reason and state, and the sum."""
    rows = [("REASON", "STATE", "LETTERS", "OLDEST", "NEWEST")]
    rows += [
        (count.reason, count.state.value, f"{count.letters:,}", _time(count.oldest), _time(count.newest))
        for count in counts
    ]
    total = sum(count.letters for count in counts)
    return "\n".join([*([_table(rows)] if counts else []), f"{total:,} dead letters"])


def counts_json(counts: Sequence[LetterCount]) -> bytes:
    """An array of objects."""
    return orjson.dumps([count._asdict() for count in counts])


def letter_text(details: LetterDetails) -> str:
    """Everything about one letter, in lines."""
    letter, message = details.letter.summary, details.letter.message
    task = "none is named" if letter.task_id is None else f"{letter.task_id}, which is not there"
    if details.task is not None:
        task = f"{details.task.id} ({details.task.status}, version {details.task.version})"
    settled = f" at {_time(letter.settled_at)} by {letter.settled_by}" if letter.settled_at else ""
    lines = [
        f"letter {letter.id}",
        f"  reason    {letter.reason}: {line(letter.detail)}",
        f"  to do     {details.advice}",
        f"  state     {letter.state.value}{settled}",
        f"  task      {task}",
        f"  position  {_position(letter)} (topic/partition/offset)",
        f"  recorded  {_time(letter.recorded_at)}",
        *_message_lines(message),
    ]
    if details.history:
        lines += ["history", *(_past(past) for past in details.history)]
    if letter.state is LetterState.OPEN:
        lines += [
            f"replay it with: taskmanager dlq replay {letter.id}  (corrected: --header, --drop-header, --value-file)"
        ]
    return "\n".join(lines)


def letter_json(details: LetterDetails) -> bytes:
    """One object with the message, its advice and its history; bytes that are no text are in base64."""
    letter = details.letter
    task = details.task
    return orjson.dumps(
        _summary(letter.summary)
        | {
            "advice": details.advice,
            "task": task and {"id": task.id, "status": task.status, "version": task.version},
            "topicId": letter.topic_id,
            "message": _message(letter.message),
            "history": [
                {
                    "at": past.at,
                    "action": past.action.kind,
                    "by": past.action.actor,
                    "outcome": past.action.outcome,
                    "detail": past.action.detail,
                    "edited": past.action.edited and _message(past.action.edited),
                }
                for past in details.history
            ],
        }
    )


def _message_lines(message: InboundMessage) -> list[str]:
    headers = message.headers or []
    names = max((len(name) for name, _ in headers), default=0)
    pairs = [f"  {line(name):<{names}}  {line(value)}" for name, value in headers]
    if message.headers is UNREADABLE_HEADERS:
        pairs = ["  (the name of one is not UTF-8, so that the driver could read none of them)"]
    return [
        f"  key       {line(message.key)}",
        f"headers ({len(headers)})",
        *pairs,
        "no value (a tombstone)" if message.value is None else f"value ({len(message.value):,} bytes)",
        *(f"  {text}" for text in dump(message.value or b"")),
    ]


def _past(past: PastAction) -> str:
    action = past.action
    edited = ", edited" if action.edited is not None else ""
    came_to = ": ".join(filter(None, (action.outcome, action.detail)))
    return f"  {_time(past.at)}  {action.kind.value} by {action.actor}{edited}{f': {line(came_to)}' if came_to else ''}"


def _message(message: InboundMessage) -> _Json:
    return {
        "timestamp": message.timestamp_ms,
        "key": in_json(message.key),
        "headers": [[name, in_json(value)] for name, value in message.headers or ()],
        "value": in_json(message.value),
    }


def _summary(letter: LetterSummary) -> _Json:
    return {
        "id": letter.id,
        "topic": letter.topic,
        "partition": letter.partition,
        "offset": letter.offset,
        "reason": letter.reason,
        "detail": letter.detail,
        "taskId": letter.task_id,
        "state": letter.state,
        "bytes": letter.size,
        "recordedAt": letter.recorded_at,
        "settledAt": letter.settled_at,
        "settledBy": letter.settled_by,
    }


def _position(letter: LetterSummary) -> str:
    return f"{letter.topic}/{letter.partition}/{letter.offset}"


def _time(time: datetime | None) -> str:
    return "" if time is None else f"{time:%Y-%m-%d %H:%M:%SZ}"


def _table(rows: Sequence[tuple[str, ...]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(f"{line(cell):<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )
