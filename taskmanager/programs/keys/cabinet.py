"""Composes the use cases of API keys for a command that runs once."""

import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import NamedTuple

import click
import uvloop

from taskmanager.application.api_keys import KeyStore
from taskmanager.application.ports import StoreError
from taskmanager.application.use_cases.keys.create_key import CreateKey
from taskmanager.application.use_cases.keys.revoke_key import RevokeKey
from taskmanager.config.settings import Settings, load_settings
from taskmanager.infrastructure.postgres.api_keys import PostgresKeyStore
from taskmanager.infrastructure.postgres.session import Session
from taskmanager.infrastructure.telemetry.logging import configure_logging
from taskmanager.server import ExitCode

_SESSION_MARGIN_SECONDS = 5.0
_SCHEMA_MISMATCH = "42"  # the class of SQLSTATEs for tables and rights that are not there


class KeyCabinet(NamedTuple):
    """What an operator can do; `are_asked_for` tells whether the settings make the API ask for keys."""

    are_asked_for: bool
    store: KeyStore
    create: CreateKey
    revoke: RevokeKey


class _SystemClock:
    """The machine's time."""

    def now(self) -> datetime:
        """Now, in UTC."""
        return datetime.now(UTC)


def at_cabinet(work: Callable[[KeyCabinet], Awaitable[int]]) -> int:
    """Does one piece of work on the database of the environment; answers its exit code, or that of its failure."""
    settings = load_settings()
    configure_logging(
        "keys", level=settings.observability.log_level, secrets=settings.secret_values(), stream=sys.stderr.buffer
    )
    try:
        return uvloop.run(_work(settings, work))
    except StoreError as error:
        is_schema = getattr(error, "kind", None) == _SCHEMA_MISMATCH
        click.echo(f"error: {error}{'; run: taskmanager migrate' if is_schema else ''}", err=True)
        return ExitCode.INTERNAL if is_schema else ExitCode.TEMPORARY


async def _work(settings: Settings, work: Callable[[KeyCabinet], Awaitable[int]]) -> int:
    database = settings.database
    session = Session(
        database.dsn_kwargs(f"{settings.app.name} keys"),
        timeout=database.query_timeout + database.connection_timeout + _SESSION_MARGIN_SECONDS,
    )
    store, clock = PostgresKeyStore(session), _SystemClock()
    try:
        return await work(KeyCabinet(settings.auth.takes_keys, store, CreateKey(store, clock), RevokeKey(store, clock)))
    finally:
        await session.close()
