"""Every case runs on the store in memory, and on PostgreSQL by both ways of writing new tasks and events."""

from collections.abc import AsyncIterator

import pytest

from taskmanager.infrastructure.postgres import few_rows
from tests.contract.adapters import Adapter, InMemoryAdapter, PostgresAdapter


@pytest.fixture(params=["memory", "postgresql", "postgresql by copy"])
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Which store it is."""
    kind: str = request.param
    if kind == "postgresql by copy":
        monkeypatch.setattr(few_rows, "FEW", -1)
    return kind


@pytest.fixture
async def adapter(request: pytest.FixtureRequest, kind: str) -> AsyncIterator[Adapter]:
    """A store with nothing in it but what the test puts there."""
    if kind == "memory":
        yield InMemoryAdapter()
    else:
        adapter = PostgresAdapter(request.getfixturevalue("database"))
        yield adapter
        await adapter.close()
