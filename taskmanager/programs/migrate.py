"""`taskmanager migrate`: brings the database's schema up to date."""

from contextlib import closing
from dataclasses import asdict
from typing import NoReturn

import click
import orjson

from taskmanager.config.settings import load_settings
from taskmanager.infrastructure.postgres.connecting import NotConnected, connect_when_ready
from taskmanager.infrastructure.postgres.migrations import MigrationDelayed, MigrationError
from taskmanager.infrastructure.postgres.migrator import MigrationReport, MigrationStatus, Migrator
from taskmanager.infrastructure.postgres.schema_snapshot import schema_snapshot
from taskmanager.infrastructure.postgres.statements import sql_directory
from taskmanager.server import ExitCode


@click.command(name="migrate")
@click.option("--status", is_flag=True, help="Show which migrations are applied and which are pending; change nothing.")
@click.option(
    "--snapshot", is_flag=True, help="Write sql/schema.sql from the database (for developers); change nothing."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for machines.")
@click.option(
    "--wait",
    type=click.FloatRange(min=0),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for the server to answer, and for another migration to end.",
)
def command(status: bool, snapshot: bool, as_json: bool, wait: float) -> None:
    """Bring the database's schema up to date.

    Applies what is new in sql/migrations, replaces the functions, grants the rights of POSTGRES_USER, and makes
    partitions of the event log ahead. It connects as POSTGRES_OWNER_USER, who owns the tables. Any number may run at
    once: one works, the others wait for it and find nothing to do. Connect to the server itself, not through a pooler.

    \b
    Exits with 75 if trying again later may help (server not there, another migration at work), else with 70.

    \b
    Examples:
      taskmanager migrate
      taskmanager migrate --status
      taskmanager migrate --wait 300 --json
    """
    if status and snapshot:
        raise click.UsageError("choose one of --status and --snapshot")
    database = load_settings().database
    try:
        with closing(connect_when_ready(database.owner_dsn_kwargs("migrate"), wait=wait)) as connection:
            if snapshot:
                (sql_directory() / "schema.sql").write_text(schema_snapshot(connection), encoding="utf-8")
                return
            migrator = Migrator(connection, database.user)
            if status:
                standing = migrator.status()
                click.echo(_status_json(standing) if as_json else _status_table(standing))
                return
            report = migrator.migrate(wait=wait, waiting=_tell_waiting)
            click.echo(orjson.dumps(asdict(report)) if as_json else _sentence(report))
    except NotConnected as error:
        _fail(str(error), ExitCode.INTERNAL if error.is_final else ExitCode.TEMPORARY)
    except MigrationError as error:
        _fail(str(error), ExitCode.TEMPORARY if isinstance(error, MigrationDelayed) else ExitCode.INTERNAL)


def _fail(problem: str, code: ExitCode) -> NoReturn:
    click.echo(f"error: {problem}", err=True)
    click.get_current_context().exit(code)


def _tell_waiting() -> None:
    click.echo("another migration is at work; waiting for it", err=True)


def _sentence(report: MigrationReport) -> str:
    done = [
        *(f"applied {name}" for name in report.applied),
        *(["replaced the functions"] if report.functions_replaced else []),
        *(["granted the rights of the runtime role"] if report.role_granted else []),
        *([f"made {report.partitions_made} partitions"] if report.partitions_made else []),
    ]
    return f"schema is at migration {report.version}: {', '.join(done) or 'nothing to do'}"


def _status_json(status: MigrationStatus) -> bytes:
    return orjson.dumps(
        {
            "applied": [{"name": done.name, "appliedAt": done.applied_at} for done in status.applied],
            "pending": [migration.name for migration in status.pending],
        }
    )


def _status_table(status: MigrationStatus) -> str:
    return "\n".join(
        [
            *(f"applied  {done.applied_at:%Y-%m-%d %H:%M:%S%z}  {done.name}" for done in status.applied),
            *(f"pending  {'':24}  {migration.name}" for migration in status.pending),
        ]
    )
