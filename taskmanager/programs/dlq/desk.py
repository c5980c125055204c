"""Composes the use cases of dead letters for a command that runs once."""

import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import NamedTuple

import click
import uvloop

from taskmanager.application.dead_letter_ports import DeadLetterReader
from taskmanager.application.ports import StoreError
from taskmanager.application.use_cases.dead_letters.count_letters import CountLetters
from taskmanager.application.use_cases.dead_letters.discard_letters import DiscardLetters
from taskmanager.application.use_cases.dead_letters.list_letters import ListLetters
from taskmanager.application.use_cases.dead_letters.replay_letters import ReplayLetters
from taskmanager.application.use_cases.dead_letters.show_letter import ShowLetter
from taskmanager.config.settings import Settings, load_settings
from taskmanager.infrastructure.postgres.dead_letters import PostgresDeadLetterReader
from taskmanager.infrastructure.postgres.letter_store import PostgresLetterStore
from taskmanager.infrastructure.postgres.session import Session
from taskmanager.infrastructure.postgres.tasks import PostgresTaskReader
from taskmanager.infrastructure.telemetry.logging import configure_logging
from taskmanager.programs.decoding import letter_decoder
from taskmanager.programs.factory import ApplicationFactory
from taskmanager.server import ExitCode

_SESSION_MARGIN_SECONDS = 5.0
_SCHEMA_MISMATCH = "42"  # the class of SQLSTATEs for tables and rights that are not there


class LetterDesk(NamedTuple):
    """What an operator can do."""

    reader: DeadLetterReader
    list_letters: ListLetters
    count_letters: CountLetters
    show_letter: ShowLetter
    replay_letters: ReplayLetters
    discard_letters: DiscardLetters


class _SystemClock:
    """The machine's time."""

    def now(self) -> datetime:
        """Now, in UTC."""
        return datetime.now(UTC)


def at_desk(work: Callable[[LetterDesk], Awaitable[int]]) -> int:
    """Does one piece of work on the database of the environment; answers its exit code, or that of its failure."""
    settings = load_settings()
    configure_logging(
        "dlq", level=settings.observability.log_level, secrets=settings.secret_values(), stream=sys.stderr.buffer
    )
    try:
        return uvloop.run(_work(settings, work))
    except StoreError as error:
        is_schema = getattr(error, "kind", None) == _SCHEMA_MISMATCH
        click.echo(f"error: {error}{'; run: taskmanager migrate' if is_schema else ''}", err=True)
        return ExitCode.INTERNAL if is_schema else ExitCode.TEMPORARY


async def _work(settings: Settings, work: Callable[[LetterDesk], Awaitable[int]]) -> int:
    async with _opened(settings) as desk:
        return await work(desk)


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[LetterDesk]:
    database = settings.database
    pool = ApplicationFactory(settings, "dlq").read_pool(size=1)
    session = Session(
        database.dsn_kwargs(f"{settings.app.name} dlq"),
        timeout=database.query_timeout + database.connection_timeout + _SESSION_MARGIN_SECONDS,
    )
    reader, store, clock = PostgresDeadLetterReader(pool), PostgresLetterStore(session, "dlq"), _SystemClock()
    try:
        yield LetterDesk(
            reader,
            ListLetters(reader),
            CountLetters(reader),
            ShowLetter(reader, PostgresTaskReader(pool)),
            ReplayLetters(reader, store, letter_decoder(settings), clock),
            DiscardLetters(reader, store, clock),
        )
    finally:
        await session.close()
        await pool.close()
