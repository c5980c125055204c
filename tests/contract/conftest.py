"""Every case runs on the store in memory and on PostgreSQL."""

from collections.abc import AsyncIterator

import pytest

from tests.contract.adapters import Adapter, InMemoryAdapter, PostgresAdapter


@pytest.fixture(params=["memory", "postgresql"])
async def adapter(request: pytest.FixtureRequest) -> AsyncIterator[Adapter]:
    """A store with nothing in it but what the test puts there."""
    if request.param == "memory":
        yield InMemoryAdapter()
    else:
        adapter = PostgresAdapter(request.getfixturevalue("database"))
        yield adapter
        await adapter.close()
