"""Writers of a scratch database, directly and through a network that fails."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from psycopg2.extensions import parse_dsn

from taskmanager.infrastructure.postgres.session import Session
from tests.integration.ingest.proxy import FaultyProxy
from tests.integration.ingest.writers import Writer
from tests.scratch import ScratchDatabase

Open = Callable[..., Session]


@pytest.fixture
async def session(database: ScratchDatabase) -> AsyncIterator[Open]:
    """Opens sessions of the service's role; arguments go to the driver, `timeout` to the session."""
    opened: list[Session] = []

    def open_session(*, timeout: float = 30, **changes: Any) -> Session:
        opened.append(Session(parse_dsn(database.dsn("app")) | changes, timeout=timeout))
        return opened[-1]

    yield open_session
    for each in opened:
        await each.close()


@pytest.fixture
def through(session: Open, proxy: FaultyProxy) -> Open:
    """Opens sessions that go through the proxy."""

    def open_session(*, timeout: float = 30, **changes: Any) -> Session:
        plain = {"port": proxy.port, "sslmode": "disable", "gssencmode": "disable"}
        return session(timeout=timeout, **plain | changes)

    return open_session


@pytest.fixture
def writer(session: Open) -> Callable[..., Writer]:
    """Makes writers of their own connections and counters."""
    made: list[Writer] = []

    def make(used: Session | None = None) -> Writer:
        made.append(Writer(used or session(), slot=f"0-consumer-{len(made):02d}"))
        return made[-1]

    return make
