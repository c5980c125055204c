"""The store behind a breaker: the same promises, and refusals before anything begins."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from taskmanager.application.ports import Fenced, StoreUnavailable
from taskmanager.infrastructure.resilience.circuit_breaker import Circuit, CircuitBreaker
from taskmanager.infrastructure.resilience.protected import ProtectedTaskStore
from taskmanager.infrastructure.resilience.protected_writes import (
    ProtectedChunkStore,
    ProtectedIntentStore,
    ProtectedLetterStore,
)
from taskmanager.infrastructure.resilience.refusals import StoreCircuitOpen, is_store_outage
from tests.fakes.seconds import Seconds
from tests.fakes.task_store import InMemoryTaskStore


@pytest.fixture
def inner() -> InMemoryTaskStore:
    return InMemoryTaskStore()


@pytest.fixture
def breaker() -> CircuitBreaker:
    return CircuitBreaker(
        "postgresql", failures=2, pause=2.0, is_outage=is_store_outage, refusal=StoreCircuitOpen, clock=Seconds()
    )


@pytest.fixture
def store(inner: InMemoryTaskStore, breaker: CircuitBreaker) -> ProtectedTaskStore:
    return ProtectedTaskStore(inner, breaker)


class AwayStore:
    """A store whose server is away."""

    def __getattr__(self, name: str) -> Any:
        return self

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        """No transaction."""
        raise StoreUnavailable("away")
        yield


def raising(error: Exception, at: str = "load") -> object:
    def step(name: str) -> None:
        if name == at:
            raise error

    return step


async def look(store: ProtectedTaskStore) -> None:
    async with store.transaction() as transaction:
        await transaction.load([], [], [])


async def test_what_the_store_answers_is_passed_on(store: ProtectedTaskStore) -> None:
    await look(store)
    assert await store.tasks_with_parked_reports(0, 10) == (None, [])


async def test_transactions_that_meet_an_outage_open_it_and_others_do_not_begin(
    store: ProtectedTaskStore, inner: InMemoryTaskStore, breaker: CircuitBreaker
) -> None:
    inner.before = raising(StoreUnavailable("gone"))
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            await look(store)
    assert breaker.circuit is Circuit.OPEN
    begun = inner.transactions
    with pytest.raises(StoreCircuitOpen):
        await look(store)
    with pytest.raises(StoreCircuitOpen):
        await store.write_unseen([], [], None)
    with pytest.raises(StoreCircuitOpen):
        await store.tasks_with_parked_reports(0, 10)
    assert inner.transactions == begun


@pytest.mark.parametrize("protected", [ProtectedIntentStore, ProtectedChunkStore, ProtectedLetterStore])
async def test_what_the_api_writes_by_shares_the_breaker(breaker: CircuitBreaker, protected: Any) -> None:
    store = protected(AwayStore(), breaker)
    for _ in range(2):
        with pytest.raises(StoreUnavailable, match="away"):
            async with store.transaction():
                pass
    with pytest.raises(StoreCircuitOpen):
        async with store.transaction():
            pass
    if protected is not ProtectedLetterStore:
        with pytest.raises(StoreCircuitOpen):
            await store.make_room()


async def test_a_lost_claim_is_an_answer(
    store: ProtectedTaskStore, inner: InMemoryTaskStore, breaker: CircuitBreaker
) -> None:
    inner.before = raising(Fenced("overtaken"))
    for _ in range(5):
        with pytest.raises(Fenced):
            await look(store)
    assert breaker.circuit is Circuit.CLOSED
