"""Moments and lengths of time as command lines tell them."""

import re
from datetime import UTC, datetime, timedelta

import click

_SPAN = re.compile(r"(\d{1,6})([smhd])", re.ASCII).fullmatch
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def span(text: str) -> timedelta:
    """A length of time such as 90s, 15m, 2h or 7d."""
    found = _SPAN(text)
    if found is None:
        raise click.BadParameter(f"{text!r} is no length of time such as 90s, 15m, 2h or 7d")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def past(text: str) -> datetime:
    """A time with its zone, or how long ago."""
    try:
        if _SPAN(text):
            return datetime.now(UTC) - span(text)
        return _zoned(text)
    except OverflowError:
        raise click.BadParameter(f"{text!r} is longer ago than any time that can be told: leave it out") from None
    except ValueError:
        problem = "is neither a time such as 2026-03-01T09:30:00Z nor an age such as 90m or 7d"
        raise click.BadParameter(f"{text!r} {problem}") from None


def future(text: str) -> datetime:
    """A time to come with its zone, or how long from now; in UTC."""
    now = datetime.now(UTC)
    try:
        time = now + span(text) if _SPAN(text) else _zoned(text).astimezone(UTC)
    except OverflowError:
        raise click.BadParameter(f"{text!r} is farther than any time that can be told: leave it out") from None
    except ValueError:
        problem = "is neither a time such as 2027-03-01T09:30:00Z nor a span such as 90d or 12h"
        raise click.BadParameter(f"{text!r} {problem}") from None
    if time <= now:
        raise click.BadParameter(f"{text!r} is over already")
    return time


def _zoned(text: str) -> datetime:
    time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        raise click.BadParameter(f"{text!r} has no zone: add Z or an offset such as +02:00")
    return time
