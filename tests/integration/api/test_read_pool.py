"""The pool of reading connections, where its driver is known to fail."""

import asyncio

import pytest

from taskmanager.application.ports import StoreUnavailable
from taskmanager.infrastructure.postgres.pool import ReadPool
from tests.scratch import ScratchDatabase

BUSY = "select pid from pg_stat_activity where datname = current_database() and query like 'select pg_sleep%'"


def pool_of(
    database: ScratchDatabase, *, size: int = 2, wait: float = 30, options: str = "", idle: float = 300
) -> ReadPool:
    connect = {"dsn": f"{database.dsn('app')} options='{options}'"}
    return ReadPool(connect, size=size, wait_timeout=wait, statement_timeout=30, idle_timeout=idle)


async def busy_backend(database: ScratchDatabase) -> int:
    """The backend that sleeps on behalf of a test; the test's own time limit ends a wait in vain."""
    while True:
        rows = await asyncio.to_thread(database.run, BUSY, role="superuser")
        if rows:
            return int(rows[0][0])


async def test_statements_run_side_by_side_on_connections_that_are_kept(database: ScratchDatabase) -> None:
    pool = pool_of(database)
    first = await asyncio.gather(*(pool.fetch("select pg_backend_pid()") for _ in range(10)))
    again = await pool.fetch("select pg_backend_pid()")
    assert len({rows[0][0] for rows in first}) <= 2
    assert again[0] in [rows[0] for rows in first]
    await pool.close()


@pytest.mark.parametrize("how", ["pg_cancel_backend", "pg_terminate_backend"])
async def test_a_statement_that_the_server_ends_is_an_outage_and_not_a_cancelled_task(
    database: ScratchDatabase, how: str
) -> None:
    pool = pool_of(database)
    sleeping = asyncio.create_task(pool.fetch("select pg_sleep(60)"))
    pid = await busy_backend(database)
    database.run(f"select {how}(%s)", (pid,), role="superuser")
    with pytest.raises(StoreUnavailable):
        await sleeping
    assert await pool.fetch("select 1") == [(1,)]
    await pool.close()


async def test_a_statement_beyond_the_servers_limit_is_an_outage(database: ScratchDatabase) -> None:
    pool = pool_of(database, options="-c statement_timeout=50")
    with pytest.raises(StoreUnavailable):
        await pool.fetch("select pg_sleep(60)")
    assert await pool.fetch("select 1") == [(1,)]
    await pool.close()


async def test_those_who_wait_are_served_when_a_connection_breaks(database: ScratchDatabase) -> None:
    pool = pool_of(database, size=1)
    sleeping = asyncio.create_task(pool.fetch("select pg_sleep(60)"))
    pid = await busy_backend(database)
    waiting = asyncio.create_task(pool.fetch("select 7"))
    database.run("select pg_terminate_backend(%s)", (pid,), role="superuser")
    with pytest.raises(StoreUnavailable):
        await sleeping
    assert await asyncio.wait_for(waiting, 5) == [(7,)]
    await pool.close()


async def test_waiting_for_a_connection_has_an_end(database: ScratchDatabase) -> None:
    pool = pool_of(database, size=1, wait=0.05)
    sleeping = asyncio.create_task(pool.fetch("select pg_sleep(60)"))
    await busy_backend(database)
    with pytest.raises(StoreUnavailable, match=r"no connection became free within 0\.05 s"):
        await pool.fetch("select 1")
    sleeping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sleeping
    assert await pool.fetch("select 1") == [(1,)]
    await pool.close()


async def test_connections_that_were_idle_too_long_are_opened_anew(database: ScratchDatabase) -> None:
    pool = pool_of(database, idle=0)
    assert await pool.fetch("select pg_backend_pid()") != await pool.fetch("select pg_backend_pid()")
    await pool.close()


async def test_closing_leaves_no_connection_behind(database: ScratchDatabase) -> None:
    pool = pool_of(database)
    ((pid,),) = await pool.fetch("select pg_backend_pid()")
    await pool.close()
    while await asyncio.to_thread(database.run, "select from pg_stat_activity where pid = %s", (pid,)):
        pass
