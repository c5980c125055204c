"""Looks for what the decoder of bodies lets pass, and messages from Kafka may not hold either."""

import asyncio

from taskmanager.api.kafka.bodies import Malformed, parse_body
from taskmanager.api.rest.bodies import invalid
from taskmanager.api.rest.problems import FieldError, Problem
from taskmanager.api.rest.task_bodies import NewTask
from taskmanager.application.dead_letters import DeadLetterReason

# Of the described form, but forbidden all the same.
_FORBIDDEN = frozenset({DeadLetterReason.INVALID_TEXT, DeadLetterReason.TOO_DEEP})

_LARGE = 64 * 1024


def check_strictly(raw: bytes) -> None:
    """Refuses a JSON object with a repeated key (400), a NUL character or too many levels (422)."""
    try:
        parse_body(raw)
    except Malformed as error:
        if error.reason in _FORBIDDEN:
            raise invalid(FieldError("", error.detail), status=422) from None
        raise Problem(400, f"the body is not valid: {error.detail}") from None


async def check_large_strictly(raw: bytes) -> None:
    """As `check_strictly`, while others have their turn: a large body may be a million small values."""
    if len(raw) <= _LARGE:
        check_strictly(raw)
    else:
        await asyncio.to_thread(check_strictly, raw)


def check_new_task(raw: bytes, task: NewTask) -> None:
    """As `check_strictly`, for the body of which `task` was made.

    Where no text is escaped, a lost key shows: the body then holds more quotation marks than what came out of it.
    """
    marks = 8 + 4 * (task.user_email is not None) + 4 * (task.correlation_id is not None)
    if task.metadata:
        marks += 2 + 4 * len(task.metadata)
    if b"\\" in raw or raw.count(b'"') != marks:
        check_strictly(raw)
