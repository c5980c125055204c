"""aiopg's connection on uvloop, where sockets go away under it."""

import asyncio
import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from psycopg2.extensions import parse_dsn

from taskmanager.application.ports import RowRefused, StoreUnavailable
from taskmanager.infrastructure.postgres.loop_session import LoopSession
from tests.scratch import ScratchDatabase

# Above every limit that a test waits for.
TIMEOUT = 60


@pytest.fixture
def connect(database: ScratchDatabase) -> dict[str, Any]:
    """psycopg2's arguments, without ways of encrypting that take a socket each."""
    return parse_dsn(database.dsn("app")) | {"sslmode": "disable", "gssencmode": "disable"}


@pytest.fixture
def many_sockets() -> Iterator[ExitStack]:
    """Holds sockets up to numbers that `select` does not take."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, before[1]), before[1]))
    with ExitStack() as sockets:
        while sockets.enter_context(socket.socket()).fileno() < 1100:
            pass
        yield sockets
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


async def test_a_connection_that_the_server_ends_leaves_nothing_in_the_loop(
    database: ScratchDatabase, connect: dict[str, Any]
) -> None:
    connection = LoopSession(connect, timeout=TIMEOUT)
    ((pid,),) = await connection.execute("select pg_backend_pid()")
    database.run("select pg_terminate_backend(%s)", (pid,), role="superuser")
    async with asyncio.timeout(10):
        while connection.is_open:
            await asyncio.to_thread(database.run, "select 1")

    # Whatever is opened next gets the numbers that became free, and has to be taken by the loop.
    loop = asyncio.get_running_loop()
    with ExitStack() as sockets:
        for _ in range(20):
            near, far = map(sockets.enter_context, socket.socketpair())
            told = asyncio.Event()
            loop.add_reader(near, told.set)
            far.send(b"x")
            await asyncio.wait_for(told.wait(), 10)
            loop.remove_reader(near)
    assert await connection.execute("select 1") == [(1,)]
    await connection.close()


async def test_a_connection_that_is_closed_late_leaves_alone_who_has_its_number(
    database: ScratchDatabase, connect: dict[str, Any]
) -> None:
    stale, fresh = LoopSession(connect, timeout=TIMEOUT), LoopSession(connect, timeout=TIMEOUT)
    ((pid,),) = await stale.execute("select pg_backend_pid()")
    assert stale._connection is not None
    number = stale._connection._fileno
    database.run("select pg_terminate_backend(%s)", (pid,), role="superuser")
    async with asyncio.timeout(10):
        while stale.is_open:
            await asyncio.to_thread(database.run, "select 1")
    await fresh.execute("select 1")
    assert fresh._connection is not None
    assert fresh._connection._fileno == number, "proves that the number was handed on"
    await stale.execute("select 1")

    assert await asyncio.wait_for(fresh.execute("select 1"), 10) == [(1,)]
    await stale.close()
    await fresh.close()


async def test_what_the_server_refuses_leaves_the_connection_open(connect: dict[str, Any]) -> None:
    session = LoopSession(connect, timeout=TIMEOUT)
    ((pid,),) = await session.execute("select pg_backend_pid()")
    with pytest.raises(RowRefused, match="division by zero"):
        await session.execute("begin; select 1 / 0; commit")
    assert session.is_open
    with pytest.raises(StoreUnavailable, match="transaction is aborted"):
        await session.execute("select 1")
    await session.rollback()
    assert await session.execute("select pg_backend_pid()") == [(pid,)]
    await session.close()


async def test_every_try_to_reach_a_server_that_is_away_fails_in_the_same_way(connect: dict[str, Any]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    connection = LoopSession(connect | {"port": port}, timeout=TIMEOUT)
    for _ in range(5):
        with pytest.raises(StoreUnavailable, match="refused") as failed:
            await connection.execute("select 1")
        assert failed.value.kind == "connection"


async def test_errors_arrive_at_connections_with_high_numbers(many_sockets: ExitStack, connect: dict[str, Any]) -> None:
    connection = LoopSession(connect | {"options": "-c statement_timeout=50"}, timeout=TIMEOUT)
    for _ in range(2):
        with pytest.raises(StoreUnavailable, match=r"statement timeout|cancelled the statement"):
            await asyncio.wait_for(connection.execute("select pg_sleep(50)"), 20)
        assert await connection.execute("select 1") == [(1,)]
    await connection.close()


async def test_the_next_address_is_tried_where_the_first_one_is_not_ready(connect: dict[str, Any]) -> None:
    visits = 0

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal visits
        visits += 1
        await reader.readexactly(8)
        fields = b"SFATAL\0VFATAL\0C57P03\0Mthe database system is starting up\0\0"
        writer.write(b"E" + (len(fields) + 4).to_bytes(4, "big") + fields)
        await writer.drain()
        await reader.read()  # its end is left open, lest the end of this one tell of the next one
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        both = {"host": f"127.0.0.1,{connect['host']}", "port": f"{port},{connect['port']}"}
        connection = LoopSession(connect | both, timeout=TIMEOUT)
        assert await asyncio.wait_for(connection.execute("select 1"), 20) == [(1,)]
        assert visits == 1
        await connection.close()
