"""Moments in requests: RFC 3339 with a zone, and nothing else that could be taken for one."""

from datetime import UTC, datetime
from typing import Annotated

import msgspec

from taskmanager.api.rest.bodies import invalid
from taskmanager.api.rest.problems import FieldError
from taskmanager.domain.errors import InvalidValue

# A text, because a date would also be read from a number of seconds.
Moment = Annotated[str, msgspec.Meta(extra_json_schema={"format": "date-time"})]
_Zoned = Annotated[datetime, msgspec.Meta(tz=True)]


def moment(name: str, text: str | None) -> datetime | None:
    """The moment in UTC that a parameter names, None if it was left out; raises a `Problem` (422)."""
    if text is None:
        return None
    try:
        return msgspec.convert(text, _Zoned).astimezone(UTC)
    except (msgspec.ValidationError, OverflowError):
        problem = "must be a moment with its zone, such as 2026-05-04T12:00:00Z"
        raise invalid(FieldError(name, problem), what="the query", status=422) from None


def in_utc(name: str, moment: datetime) -> datetime:
    """A moment of a body in UTC, because the database knows fewer zones than RFC 3339; raises `InvalidValue`."""
    if not 1 < moment.year < 9999:
        raise InvalidValue(name, "is out of range")
    return moment.astimezone(UTC)
