"""Keys on a database of the test's own."""

import logging
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
import structlog
from click.testing import CliRunner, Result

from taskmanager.__main__ import main
from taskmanager.config.settings import load_settings
from taskmanager.infrastructure.postgres.pool import Reads
from taskmanager.infrastructure.postgres.session import Session
from taskmanager.programs.factory import ApplicationFactory
from tests.scratch import ScratchDatabase

Keys = Callable[..., Result]


@pytest.fixture
def keys(database: ScratchDatabase) -> Iterator[Keys]:
    """Runs the command on the test's database; it sets up the logs of its process, which is that of the tests."""
    handlers, level = list(logging.root.handlers), logging.root.level

    def run(*arguments: str, **environ: str) -> Result:
        return CliRunner().invoke(main, ["keys", *arguments], env=database.environment | {"USER": "ann"} | environ)

    yield run
    logging.captureWarnings(capture=False)
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture
async def session(database: ScratchDatabase) -> AsyncIterator[Session]:
    session = Session(load_settings(database.environment).database.dsn_kwargs("test"), timeout=30)
    yield session
    await session.close()


@pytest.fixture
async def pool(database: ScratchDatabase) -> AsyncIterator[Reads]:
    pool = ApplicationFactory(load_settings(database.environment), "test").read_pool()
    yield pool
    await pool.close()
