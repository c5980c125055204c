"""A relay between a database and topics of the test's own."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from psycopg2.extensions import parse_dsn

from taskmanager.config.settings import load_settings
from taskmanager.infrastructure.postgres.session import Session
from taskmanager.programs.factory import ApplicationFactory
from taskmanager.programs.relay import RelayApplication
from tests.integration.relay.topics import Topics
from tests.scratch import ScratchDatabase

Until = Callable[[Callable[[], object]], Any]
Start = Callable[..., Any]


@pytest.fixture
def until() -> Until:
    """Waits for a condition that may block for a moment, for half a minute at most."""

    async def wait(holds: Callable[[], object]) -> None:
        async with asyncio.timeout(30):
            while not await asyncio.to_thread(holds):  # noqa: ASYNC110 - no event tells of what is on the broker
                await asyncio.sleep(0.01)

    return wait


@pytest.fixture
def topics(database: ScratchDatabase) -> Iterator[Topics]:
    """Names of topics for one installation; those that were made are gone at the end."""
    topics = Topics(database.info.kafka_brokers)
    yield topics
    topics.close()


@pytest.fixture
async def start(database: ScratchDatabase, topics: Topics) -> AsyncIterator[Start]:
    """Starts relays; they are stopped at the end."""
    started: list[RelayApplication] = []

    async def start_relay(**environment: str) -> RelayApplication:
        settings = load_settings({**database.environment, **topics.environment, **environment})
        relay = RelayApplication(ApplicationFactory(settings, f"relay-{len(started)}"))
        started.append(relay)
        await relay.start()
        return relay

    yield start_relay
    for relay in started:
        await relay.stop()
        await relay.wait()


@pytest.fixture
async def session(database: ScratchDatabase) -> AsyncIterator[Session]:
    """A session of the service's role."""
    session = Session(parse_dsn(database.dsn("app")), timeout=10)
    yield session
    await session.close()
