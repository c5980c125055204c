"""A manager in memory, and what the rules ask of it."""

import pytest

from tests.fakes.clock import FixedClock
from tests.fakes.housekeeping import InMemoryHousekeeping
from tests.fakes.manager import Manager
from tests.fakes.task_store import InMemoryTaskStore


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def store() -> InMemoryTaskStore:
    return InMemoryTaskStore()


@pytest.fixture
def manager(store: InMemoryTaskStore, clock: FixedClock) -> Manager:
    return Manager(store, clock)


@pytest.fixture
def tables(store: InMemoryTaskStore, clock: FixedClock) -> InMemoryHousekeeping:
    return InMemoryHousekeeping(store, clock)
