"""A database with a history of its own, and the rules that go by time."""

from collections.abc import AsyncIterator

import pytest
from psycopg2.extensions import parse_dsn

from taskmanager.infrastructure.postgres.session import Session
from tests.integration.housekeeping.home import Home
from tests.scratch import ScratchDatabase


@pytest.fixture
async def home(database: ScratchDatabase) -> AsyncIterator[Home]:
    """A database whose consumers and housekeeper are in the test's hand."""
    sessions = [Session(parse_dsn(database.dsn("app")), timeout=30) for _ in range(2)]
    yield Home(database, *sessions)
    for session in sessions:
        await session.close()
