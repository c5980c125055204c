"""What the subcommands take."""

import click

from taskmanager.application.api_keys import named_prefix
from taskmanager.domain.errors import InvalidValue
from taskmanager.domain.values import UserEmail

_TEXT_MAX = 100

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for machines.")
as_operator = click.option(
    "--as", "operator", envvar=("USER", "LOGNAME"), metavar="NAME",
    callback=lambda _context, _parameter, name: text(name or "operator"),
    help="Who asks, kept with the key.  [default: $USER]",
)  # fmt: skip


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
