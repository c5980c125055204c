"""Breakers before real connections, on a network that goes away and comes back."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from psycopg2.extensions import parse_dsn

from taskmanager.application.ports import StoreUnavailable
from taskmanager.infrastructure.postgres.pool import ReadPool
from taskmanager.infrastructure.resilience.circuit_breaker import Circuit, CircuitBreaker
from taskmanager.infrastructure.resilience.protected import ProtectedReads
from taskmanager.infrastructure.resilience.refusals import StoreCircuitOpen, is_store_outage
from tests.fakes.seconds import Seconds
from tests.integration.ingest.proxy import FaultyProxy
from tests.scratch import ScratchDatabase

FAILURES = 4
PAUSE = 2.0


@pytest.fixture
def clock() -> Seconds:
    return Seconds()


@pytest.fixture
def breaker(clock: Seconds) -> CircuitBreaker:
    return CircuitBreaker(
        "postgresql", failures=FAILURES, pause=PAUSE, is_outage=is_store_outage, refusal=StoreCircuitOpen,
        clock=clock, chance=lambda: 0.5,
    )  # fmt: skip


@pytest.fixture
async def reads(
    database: ScratchDatabase, proxy: FaultyProxy, breaker: CircuitBreaker
) -> AsyncIterator[ProtectedReads]:
    address = {"port": proxy.port, "sslmode": "disable", "gssencmode": "disable"}
    pool = ReadPool(
        parse_dsn(database.dsn("app")) | address, size=2, wait_timeout=5, statement_timeout=5, idle_timeout=300
    )
    reads = ProtectedReads(pool, breaker)
    yield reads
    await reads.close()


async def fail(reads: ProtectedReads, times: int) -> None:
    for _ in range(times):
        with pytest.raises(StoreUnavailable) as failed:
            await reads.fetch("select 1")
        assert not isinstance(failed.value, StoreCircuitOpen)


async def test_reads_are_refused_while_the_server_is_away_and_pass_again_when_it_is_back(
    reads: ProtectedReads, breaker: CircuitBreaker, proxy: FaultyProxy, clock: Seconds
) -> None:
    assert await reads.fetch("select 1") == [(1,)]
    await proxy.stop()
    await fail(reads, FAILURES)
    assert breaker.circuit is Circuit.OPEN

    await proxy.start()
    accepted = proxy.accepted
    with pytest.raises(StoreCircuitOpen):
        await reads.fetch("select 1")
    assert proxy.accepted == accepted, "a refused call does not touch the network"

    clock.now += PAUSE
    assert await reads.fetch("select 1") == [(1,)]
    assert breaker.circuit is Circuit.CLOSED


async def test_of_many_reads_one_alone_tries_whether_the_server_is_back(
    reads: ProtectedReads, breaker: CircuitBreaker, proxy: FaultyProxy, clock: Seconds
) -> None:
    await proxy.stop()
    await fail(reads, FAILURES)
    await proxy.start()
    accepted = proxy.accepted
    clock.now += PAUSE
    answers = await asyncio.gather(*(reads.fetch("select 1") for _ in range(10)), return_exceptions=True)
    assert [answer for answer in answers if answer == [(1,)]] == [[(1,)]]
    assert sum(isinstance(answer, StoreCircuitOpen) for answer in answers) == 9
    assert proxy.accepted == accepted + 1
    assert breaker.circuit is Circuit.CLOSED


async def test_statements_that_the_server_refuses_keep_it_closed(
    reads: ProtectedReads, breaker: CircuitBreaker
) -> None:
    for _ in range(FAILURES * 2):
        with pytest.raises(Exception, match="22012"):
            await reads.fetch("select 1 / 0")
    assert breaker.circuit is Circuit.CLOSED
