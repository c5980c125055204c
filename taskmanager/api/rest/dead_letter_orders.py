"""Makes filters and corrections of what requests for dead letters say."""

import msgspec
from msgspec import UNSET, UnsetType

from taskmanager.api.rest.bodies import invalid
from taskmanager.api.rest.dead_letter_bodies import (
    Correction,
    CountQuery,
    LettersQuery,
    ReplayFilter,
    ReplayOrder,
)
from taskmanager.api.rest.message_bytes import Bytes, given
from taskmanager.api.rest.moments import in_utc, moment
from taskmanager.api.rest.problems import FieldError
from taskmanager.application.dead_letter_model import LetterFilter, LetterState
from taskmanager.application.use_cases.dead_letters.message_edit import MessageEdit
from taskmanager.domain.values import TaskId


def filter_of_query(query: LettersQuery | CountQuery) -> LetterFilter:
    """The letters that a query asks for; raises a `Problem` (400)."""
    return LetterFilter(
        reasons=tuple(reason.value for reason in query.reason),
        topic=query.topic,
        partition=None if query.partition is UNSET else query.partition,
        task_id=None if query.task_id is None else TaskId(query.task_id),
        since=moment("since", query.since),
        until=moment("until", query.until),
        state=None if query.state == "all" else LetterState(query.state),
    )


def filter_of_body(chosen: ReplayFilter) -> LetterFilter:
    """The open letters that are meant; raises `InvalidValue`, or a `Problem` (400) where nothing says which."""
    if chosen == ReplayFilter() or chosen.all is False:
        problem = 'says nothing of which letters are meant; to mean every open one, send "filter": {"all": true}'
        raise invalid(FieldError("filter", problem))
    return LetterFilter(
        reasons=() if chosen.reason is UNSET else tuple(reason.value for reason in chosen.reason),
        topic=None if chosen.topic is UNSET else chosen.topic,
        partition=None if chosen.partition is UNSET else int(chosen.partition),
        task_id=None if chosen.task_id is UNSET else TaskId(chosen.task_id),
        since=None if chosen.since is UNSET else in_utc("filter.since", chosen.since),
        until=None if chosen.until is UNSET else in_utc("filter.until", chosen.until),
    )


def edit_of(order: Correction) -> MessageEdit:
    """How messages are corrected; raises `InvalidValue`."""
    edit = MessageEdit(
        headers={name: given(f"headers.{name}", value) for name, value in order.headers.items()},
        without_headers=frozenset(order.without_headers),
    )
    if not isinstance(order, ReplayOrder):
        return edit
    return msgspec.structs.replace(edit, key=_given("key", order.key), value=_given("value", order.value))


def _given(name: str, value: Bytes | UnsetType) -> bytes | UnsetType:
    return UNSET if value is UNSET else given(name, value)
