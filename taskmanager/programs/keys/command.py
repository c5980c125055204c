"""The group of subcommands."""

from datetime import datetime

import click

from taskmanager.application.principal import Role
from taskmanager.domain.values import UserEmail
from taskmanager.programs.keys import rendering
from taskmanager.programs.keys.cabinet import KeyCabinet, at_cabinet
from taskmanager.programs.keys.options import as_json, as_operator, prefix, text, user
from taskmanager.programs.moments import future
from taskmanager.server import ExitCode

_NOT_FOUND = 1


@click.group(name="keys")
def command() -> None:
    """Make, show and revoke the API keys of the REST interface.

    Keys count where AUTH_MODE names them (AUTH_MODE=keys). A key is shown once, when it is made: the database keeps
    its SHA-256 alone. Callers send it as `Authorization: Bearer tm_…`, or as `X-API-Key: tm_…`.

    \b
    Roles: reader    looks at tasks and their history
           worker    reports on tasks, too
           writer    also creates, cancels, retries and deletes them
           admin     also deals with dead letters

    \b
    Examples:
      taskmanager keys create --role writer --name gateway
      taskmanager keys create --role writer --user-email ann@example.com --expires 90d
      taskmanager keys create --role worker --name crawlers --json | jq -r .key > crawlers.key
      taskmanager keys list
      taskmanager keys revoke 3f9a1c0b2d
    """


@command.command()
@click.option("--role", type=click.Choice([role.value for role in Role]), required=True, help="What it may do.")
@click.option(
    "--user-email", type=user, metavar="ADDRESS",
    help="Bind it to this user: it sees and changes that user's tasks alone.  [default: the tasks of all users]",
)  # fmt: skip
@click.option("--name", type=text, default="", metavar="TEXT", help="What it is for, so that people can tell it apart.")
@click.option("--expires", "expires_at", type=future, metavar="TIME", help="When it ends: 90d, 12h, or a time.")
@as_operator
@as_json
def create(
    role: str, user_email: UserEmail | None, name: str, expires_at: datetime | None, operator: str, as_json: bool
) -> int:
    """Make a key and show it, this once.

    \b
    Examples:
      taskmanager keys create --role reader --name dashboard
      taskmanager keys create --role writer --user-email ann@example.com --expires 2027-01-01T00:00:00Z
    """

    async def work(cabinet: KeyCabinet) -> int:
        secret, key = await cabinet.create(
            Role(role), name=name, user_email=user_email, expires_at=expires_at, actor=operator
        )
        if as_json:
            click.echo(rendering.created_json(secret, key))
            return ExitCode.OK
        click.echo(secret)
        click.echo(f"This is the only time that the key is shown: keep it now. {rendering.described(key)}", err=True)
        click.echo(f"To take it back: taskmanager keys revoke {key.prefix}", err=True)
        if not cabinet.are_asked_for:
            click.echo("Nobody is asked for keys yet: set AUTH_MODE=keys where the API runs.", err=True)
        return ExitCode.OK

    return at_cabinet(work)


@command.command(name="list")
@as_json
def list_(as_json: bool) -> int:
    """List all keys, expired and revoked ones too, the oldest first.

    When a key was last used is known to about a minute.

    \b
    Examples:
      taskmanager keys list
      taskmanager keys list --json | jq '.[] | select(.lastUsedAt == null)'
    """

    async def work(cabinet: KeyCabinet) -> int:
        keys = await cabinet.store.all()
        click.echo(rendering.keys_json(keys) if as_json else rendering.keys_table(keys))
        return ExitCode.OK

    return at_cabinet(work)


@command.command()
@click.argument("prefix", type=prefix, metavar="PREFIX")
@as_operator
@as_json
def revoke(prefix: str, operator: str, as_json: bool) -> int:
    """Take a key back, for good.

    At most 5 seconds later every request with it is refused, and 15 seconds later its live streams are cut. The row
    stays, with who revoked it and when.

    \b
    Exits with 1 if there is no such key; revoking a key again changes nothing.

    \b
    Example:
      taskmanager keys revoke 3f9a1c0b2d
    """

    async def work(cabinet: KeyCabinet) -> int:
        revocation = await cabinet.revoke(prefix, operator)
        if revocation is None:
            click.echo(f"error: there is no key {prefix}; taskmanager keys list shows those that are", err=True)
            return _NOT_FOUND
        click.echo(rendering.revoked_json(revocation) if as_json else rendering.revoked(revocation))
        return ExitCode.OK

    return at_cabinet(work)
