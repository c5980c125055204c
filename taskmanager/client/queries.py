"""Filters as parameters of a query."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TypedDict


class UserTaskFilter(TypedDict, total=False):
    """Which of a user's tasks are wanted: those that satisfy everything that is given.

    `text` is looked for in query and address, `metadata` are labels that a task must have, all of them; `created_after`
    is within the window, `created_before` is not. Times have a zone.
    """

    status: str | Iterable[str]
    host: str
    text: str
    metadata: Mapping[str, str]
    created_after: datetime
    created_before: datetime


class TaskFilter(UserTaskFilter, total=False):
    """Which tasks are wanted, of all users or of one."""

    user_email: str


class EventFilter(TypedDict, total=False):
    """Which events are wanted: those that satisfy everything that is given."""

    task_id: str
    user_email: str
    status: str | Iterable[str]
    type: str | Iterable[str]


_NAMES = {
    "user_email": "userEmail",
    "task_id": "taskId",
    "text": "q",
    "created_after": "createdAfter",
    "created_before": "createdBefore",
    "as_of": "asOf",
}


def parameters(given: Mapping[str, object]) -> list[tuple[str, str]]:
    """The parameters that a filter makes; None is left out. Raises `ValueError` for a time without a zone."""
    pairs: list[tuple[str, str]] = []
    for name, value in given.items():
        word = _NAMES.get(name, name)
        if isinstance(value, Mapping):
            pairs += [(f"{word}.{key}", str(text)) for key, text in value.items()]
        elif isinstance(value, str) or not isinstance(value, Iterable):
            pairs += [] if value is None else [(word, in_words(name, value))]
        else:
            pairs += [(word, in_words(name, each)) for each in value]
    return pairs


def in_words(name: str, value: object) -> str:
    """A value as a query holds it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError(f"{name} has no zone")
        return value.isoformat()
    return str(value)
