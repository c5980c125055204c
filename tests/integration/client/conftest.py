"""A client of the API program on a real database."""

from collections.abc import AsyncIterator, Mapping

import pytest

from taskmanager.client import NewTask, TaskManagerClient
from tests.integration.api.conftest import database_line, environment, serving, topics

__all__ = ["database_line", "environment", "topics"]

NEW = NewTask(
    user_query="opening hours",
    original_url="https://example.com/contact",
    user_email="ann@example.com",
    metadata={"campaign": "spring"},
)


@pytest.fixture
async def url(environment: Mapping[str, str]) -> AsyncIterator[str]:
    async with serving(dict(environment)) as session:
        yield str(session._base_url)


@pytest.fixture
async def client(url: str) -> AsyncIterator[TaskManagerClient]:
    async with TaskManagerClient(url) as client:
        yield client
