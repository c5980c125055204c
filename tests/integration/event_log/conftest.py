"""Readers and writers of a scratch database's log."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack

import pytest
from psycopg2.extensions import parse_dsn

from taskmanager.application.event_log import HighWaterReader
from taskmanager.devstack import StackInfo
from taskmanager.infrastructure.postgres.event_log import PostgresEventLog
from taskmanager.infrastructure.postgres.session import Session
from tests.integration.event_log.writers import Writer
from tests.scratch import ScratchDatabase, scratch_database

OpenSession = Callable[[], Session]


@pytest.fixture
async def open_session(database: ScratchDatabase) -> AsyncIterator[OpenSession]:
    """Opens sessions of the service's role."""
    opened: list[Session] = []

    def open_session() -> Session:
        opened.append(Session(parse_dsn(database.dsn("app")), timeout=30))
        return opened[-1]

    yield open_session
    for session in opened:
        await session.close()


@pytest.fixture
def log(open_session: OpenSession) -> PostgresEventLog:
    """The log."""
    return PostgresEventLog(open_session())


@pytest.fixture
def reader(log: PostgresEventLog) -> HighWaterReader:
    """A reader that begins at the beginning."""
    return HighWaterReader(log, 0)


@pytest.fixture
def writer(database: ScratchDatabase) -> Iterator[Callable[[], Writer]]:
    """Makes writers, each with a connection and a transaction of its own."""
    with ExitStack() as connections:
        yield lambda: Writer(connections.enter_context(database.connected("app", autocommit=False)))


@pytest.fixture
def foreign_writer(stack: StackInfo, template_database: str) -> Iterator[Writer]:
    """A writer of another database on the same server, whose tables have the same numbers."""
    with scratch_database(stack, template_database) as other, other.connected("app", autocommit=False) as connection:
        yield Writer(connection)
