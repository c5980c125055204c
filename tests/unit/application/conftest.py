"""A manager that has received nothing yet."""

import pytest

from tests.fakes.clock import FixedClock
from tests.fakes.manager import Manager
from tests.fakes.task_store import InMemoryTaskStore


@pytest.fixture
def store() -> InMemoryTaskStore:
    return InMemoryTaskStore()


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def manager(store: InMemoryTaskStore, clock: FixedClock) -> Manager:
    return Manager(store, clock)
