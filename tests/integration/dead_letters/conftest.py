"""Consumers and operators on one database."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack
from typing import Any

import pytest
from psycopg2.extensions import parse_dsn

from taskmanager.application.use_cases.dead_letters.discard_letters import DiscardLetters
from taskmanager.application.use_cases.dead_letters.replay_letters import ReplayLetters
from taskmanager.infrastructure.postgres.dead_letters import PostgresDeadLetterReader
from taskmanager.infrastructure.postgres.letter_store import PostgresLetterStore
from taskmanager.infrastructure.postgres.pool import ReadPool
from taskmanager.infrastructure.postgres.session import Session
from tests.fakes.clock import FixedClock
from tests.fakes.dead_letters import decode
from tests.integration.ingest.writers import Writer
from tests.scratch import ScratchDatabase

_DIRECTLY: Mapping[str, Any] = {}


class Operator:
    """Somebody with connections of their own."""

    def __init__(self, name: str, connect: dict[str, Any], *, through: Mapping[str, Any]) -> None:
        self.name = name
        self._pool = ReadPool(connect, size=1, wait_timeout=5, statement_timeout=30, idle_timeout=60)
        self._session = Session(connect | dict(through), timeout=30)
        reader, store = PostgresDeadLetterReader(self._pool), PostgresLetterStore(self._session, f"dlq-{name}")
        self.reader = reader
        self.replay = ReplayLetters(reader, store, decode, FixedClock())
        self.discard = DiscardLetters(reader, store, FixedClock())

    async def close(self) -> None:
        """Goes home."""
        await self._session.close()
        await self._pool.close()


@pytest.fixture
async def operator(database: ScratchDatabase) -> AsyncIterator[Callable[..., Operator]]:
    """Makes operators; `through` changes where the one connects that writes."""
    async with AsyncExitStack() as stack:

        def make(name: str = "ann", *, through: Mapping[str, Any] = _DIRECTLY) -> Operator:
            made = Operator(name, parse_dsn(database.dsn("app")), through=through)
            stack.push_async_callback(made.close)
            return made

        yield make


@pytest.fixture
async def writer(database: ScratchDatabase) -> AsyncIterator[Callable[[], Writer]]:
    """Makes the write paths of consumers."""
    async with AsyncExitStack() as stack:
        made = 0

        def make() -> Writer:
            nonlocal made
            session = Session(parse_dsn(database.dsn("app")), timeout=30)
            stack.push_async_callback(session.close)
            made += 1
            return Writer(session, f"0-consumer-{made:02d}")

        yield make
