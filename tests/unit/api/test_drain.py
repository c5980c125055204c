"""Stopping loses no request that was taken."""

import asyncio

from .stage import Stage, staged, until


async def stopping(stage: Stage) -> asyncio.Task[None]:
    """The stop, begun."""
    stage.is_draining = True
    task = asyncio.create_task(stage.server.stop())
    await until(lambda: not stage.server.addresses)
    return task


async def test_a_request_in_hand_is_answered_and_its_connection_closed() -> None:
    async with staged() as stage:
        client = await stage.connect()
        asking = asyncio.create_task(client.ask("/api/slow"))
        await stage.waiting.wait()
        stop = await stopping(stage)
        await asyncio.wait({stop}, timeout=0.3)
        assert not stop.done()
        stage.go_on.set()
        answer = await asking
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        assert await client.end() == b""
        await stop


async def test_a_body_that_is_on_its_way_still_arrives() -> None:
    async with staged() as stage:
        client = await stage.connect()
        client.send("POST /api/parcels HTTP/1.1\r\nHost: t\r\nContent-Length: 12\r\nContent-Type: application/json\r\n")
        client.send('\r\n{"items"')
        await until(lambda: stage.server.figures()["busy"] == 1)
        stop = await stopping(stage)
        await asyncio.wait({stop}, timeout=0.3)
        client.send(":[]}")
        assert (await client.answer()).body == b'{"bytes":12}'
        await stop


async def test_idle_connections_do_not_hold_it_up() -> None:
    async with staged(drain_seconds=60.0) as stage:
        silent = await stage.connect()
        idle = await stage.connect()
        await idle.ask("/api/health/live")
        async with asyncio.timeout(5):
            await (await stopping(stage))
        assert await silent.end() == b""
        assert await idle.end() == b""


async def test_nobody_new_is_let_in() -> None:
    async with staged() as stage:
        address = stage.server.addresses[0]
        client = await stage.connect()
        asking = asyncio.create_task(client.ask("/api/slow"))
        await stage.waiting.wait()
        stop = await stopping(stage)
        try:
            await asyncio.open_connection(*address)
        except ConnectionRefusedError:
            refused = True
        assert refused
        stage.go_on.set()
        await asking
        await stop


async def test_a_request_that_does_not_end_is_cut_off_in_the_end() -> None:
    async with staged(drain_seconds=0.2) as stage:
        client = await stage.connect()
        client.send("GET /api/slow HTTP/1.1\r\nHost: t\r\n\r\n")
        await stage.waiting.wait()
        async with asyncio.timeout(5):
            await (await stopping(stage))
        assert await client.end() == b""
