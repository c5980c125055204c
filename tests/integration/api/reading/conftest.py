"""Readers of tasks on a real database."""

from collections.abc import AsyncIterator

import pytest

from taskmanager.config.settings import load_settings
from taskmanager.infrastructure.postgres.pool import Reads
from taskmanager.programs.factory import ApplicationFactory
from tests.integration.api.writing.conftest import api, apis
from tests.scratch import ScratchDatabase

__all__ = ["api", "apis", "pool"]


@pytest.fixture
async def pool(database: ScratchDatabase) -> AsyncIterator[Reads]:
    """The API program's own way to read."""
    pool = ApplicationFactory(load_settings(database.environment), "api-00").read_pool()
    yield pool
    await pool.close()
