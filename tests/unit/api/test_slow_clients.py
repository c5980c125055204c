"""No client is waited for for ever, wherever it stops."""

import asyncio

import pytest

from taskmanager.api.rest.connections import Patience
from taskmanager.api.rest.edge import Edge

from .stage import Client, Stage, staged, until

# Short for what a test waits for, long for all that must not come first.
SHORT, LONG = 0.2, 60.0


async def dribble(client: Client, text: str) -> None:
    """Sends one byte after the other, slowly, until it is stopped."""
    for letter in text:
        client.send(letter)
        await asyncio.sleep(SHORT / 10)


async def ended(stage: Stage) -> dict[str, int]:
    """Why connections were ended, once all are gone."""
    await until(lambda: not stage.server.figures()["open"])
    return stage.server.figures()["ended"]


async def test_a_connection_that_says_nothing_is_closed() -> None:
    async with staged(patience=Patience(SHORT, LONG, LONG)) as stage:
        client = await stage.connect()
        assert await client.end() == b""
        assert await ended(stage) == {"head_timeout": 1}


@pytest.mark.parametrize("asked_before", [False, True])
async def test_a_head_that_does_not_get_done_is_answered_with_408(asked_before: bool) -> None:
    async with staged(patience=Patience(SHORT, LONG, LONG)) as stage:
        client = await stage.connect()
        if asked_before:
            assert (await client.ask("/api/health/live")).status == 200
        dribbling = asyncio.create_task(dribble(client, "GET /api/health/live HTTP/1.1\r\nX-A: " + "b" * 500))
        assert (await client.end()).startswith(b"HTTP/1.1 408 ")
        dribbling.cancel()
        assert await ended(stage) == {"head_timeout": 1}


async def test_the_time_for_a_head_begins_with_the_head() -> None:
    async with staged(patience=Patience(SHORT, LONG, LONG)) as stage:
        client = await stage.connect()
        await client.ask("/api/health/live")
        later = asyncio.create_task(asyncio.sleep(SHORT * 2))
        await later
        assert (await client.ask("/api/health/live")).status == 200
        assert stage.server.figures()["ended"] == {}


async def test_a_connection_without_another_request_is_closed() -> None:
    async with staged(patience=Patience(LONG, LONG, SHORT)) as stage:
        client = await stage.connect()
        await client.ask("/api/health/live")
        assert await client.end() == b""


async def test_a_request_that_takes_longer_than_any_head_is_answered() -> None:
    async with staged(patience=Patience(SHORT, SHORT, SHORT)) as stage:
        client = await stage.connect()
        asking = asyncio.create_task(client.ask("/api/slow"))
        await stage.waiting.wait()
        await asyncio.wait({asking}, timeout=SHORT * 3)
        stage.go_on.set()
        assert (await asking).status == 200


async def test_a_body_that_does_not_come_is_a_408_and_the_end() -> None:
    async with staged(edge=Edge(body_timeout=SHORT), patience=Patience(LONG, LONG, LONG)) as stage:
        client = await stage.connect()
        client.send("POST /api/parcels HTTP/1.1\r\nHost: t\r\nContent-Length: 5000\r\n\r\n")
        dribbling = asyncio.create_task(dribble(client, " " * 500))
        answer = await client.answer()
        assert (answer.status, answer.headers["connection"]) == (408, "close")
        assert await client.end() == b""
        dribbling.cancel()
        assert stage.taken == 0


async def test_who_does_not_read_the_answer_is_cut_off() -> None:
    async with staged(patience=Patience(LONG, SHORT, LONG)) as stage:
        client = await stage.connect()
        client.writer.transport.pause_reading()
        client.send("GET /api/large HTTP/1.1\r\nHost: t\r\n\r\n")
        assert await ended(stage) == {"answer_unread": 1}


async def test_the_rest_of_an_answer_that_nobody_reads_does_not_keep_a_closed_connection() -> None:
    async with staged(patience=Patience(LONG, SHORT, LONG)) as stage:
        client = await stage.connect()
        client.writer.transport.pause_reading()
        client.send("GET /api/large HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n")
        assert await ended(stage) == {"answer_unread": 1}


async def test_an_answer_that_is_read_slowly_but_steadily_arrives_whole() -> None:
    async with staged(patience=Patience(LONG, SHORT, LONG)) as stage:
        client = await stage.connect()
        client.send("GET /api/large HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n")
        received = 0
        while part := await client.reader.read(512 * 1024):
            received += len(part)
            await asyncio.sleep(SHORT / 20)
        assert received > 16 * 1024 * 1024
        assert await ended(stage) == {}
