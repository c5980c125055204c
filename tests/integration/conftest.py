"""What tests of several parts need beside a database."""

from collections.abc import AsyncIterator, Callable
from contextlib import closing

import psycopg2
import pytest

from taskmanager.application.use_cases.verify_history import VerifyHistory
from taskmanager.infrastructure.postgres.history import PostgresHistory
from tests.integration.ingest.proxy import FaultyProxy
from tests.scratch import ScratchDatabase


@pytest.fixture
async def proxy(database: ScratchDatabase) -> AsyncIterator[FaultyProxy]:
    """A network between a session and the server."""
    proxy = FaultyProxy(database.info.postgres_host, database.info.postgres_port)
    await proxy.start()
    yield proxy
    await proxy.stop()


@pytest.fixture
def findings(database: ScratchDatabase) -> Callable[[], dict[str, list[str]]]:
    """Asks `taskmanager verify` what is wrong, as the runtime role."""

    def verify() -> dict[str, list[str]]:
        with closing(psycopg2.connect(database.dsn("app"))) as connection:
            found = VerifyHistory(PostgresHistory(connection), lambda: None, lambda words: None)().findings
        return {kind.value: [str(finding) for finding in found.examples(kind)] for kind in found.totals}

    return verify
