"""What the subcommands take."""

import re
from datetime import UTC, datetime, timedelta

import click

from taskmanager.application.api_keys import named_prefix
from taskmanager.domain.errors import InvalidValue
from taskmanager.domain.values import UserEmail

_TEXT_MAX = 100
_SPAN = re.compile(r"(\d{1,6})([smhd])", re.ASCII).fullmatch
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for machines.")
as_operator = click.option(
    "--as", "operator", envvar=("USER", "LOGNAME"), metavar="NAME",
    callback=lambda _context, _parameter, name: text(name or "operator"),
    help="Who asks, kept with the key.  [default: $USER]",
)  # fmt: skip


def expiry(given: str) -> datetime:
    """A time to come with its zone, or how long from now."""
    now = datetime.now(UTC)
    try:
        if span := _SPAN(given):
            time = now + timedelta(**{_UNITS[span[2]]: int(span[1])})
        else:
            time = datetime.fromisoformat(given)
        time = time if time.tzinfo is None else time.astimezone(UTC)
    except OverflowError:
        raise click.BadParameter(f"{given!r} is farther than any time that can be told: leave it out") from None
    except ValueError:
        problem = "is neither a time such as 2027-03-01T09:30:00Z nor a span such as 90d or 12h"
        raise click.BadParameter(f"{given!r} {problem}") from None
    if time.tzinfo is None:
        raise click.BadParameter(f"{given!r} has no zone: add Z or an offset such as +02:00")
    if time <= now:
        raise click.BadParameter(f"{given!r} is over already")
    return time


def user(given: str) -> UserEmail:
    """A user's address in the form in which tasks have it."""
    try:
        return UserEmail(given)
    except InvalidValue as error:
        raise click.BadParameter(str(error)) from None


def prefix(given: str) -> str:
    """The public part of a key."""
    found = named_prefix(given)
    if found is None:
        raise click.BadParameter("must be a prefix of ten characters as `taskmanager keys list` shows it")
    return found


def text(given: str) -> str:
    """What can be kept as a name."""
    given = given.strip()
    if not given.isprintable() or len(given) > _TEXT_MAX:
        raise click.BadParameter(f"must be at most {_TEXT_MAX} printable characters")
    return given
