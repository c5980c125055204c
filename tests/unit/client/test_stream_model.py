"""A log told over connections that are cut anywhere: every event is heard once, in order."""

import asyncio

from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st

from taskmanager.client import RetryPolicy, TaskManagerClient

from .server import ScriptedServer, cut, frame, opening, silent

_LOG = range(3, 30, 2)  # numbers may be missing from a log
_AT_ONCE = RetryPolicy(first_pause=0.0)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 8000), max_size=6), st.integers(1, 4000), st.booleans())
def test_cuts_lose_nothing_and_repeat_nothing(cuts: list[int], piece: int, repeats: bool) -> None:
    """`cuts` are bytes after which connections end, `repeats` makes the server begin too early."""
    connections = iter(cuts)

    async def reply(request: web.Request) -> web.StreamResponse:
        after = int(request.headers.get("Last-Event-ID", "0"))
        frames = [frame(number) for number in _LOG if number > (after - 5 if repeats else after)]
        text = "".join([opening(after), *frames, ": nothing yet\nid: 29\n\n"]).encode()
        ends = next(connections, None)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for begin in range(0, min(len(text), len(text) if ends is None else ends), piece):
            await response.write(text[begin : min(begin + piece, ends or len(text))])
        await (silent if ends is None else cut)(request)
        return response

    async def listen() -> list[int]:
        async with ScriptedServer().running() as server:
            server.replies(reply)
            async with (
                TaskManagerClient(server.url, retries=_AT_ONCE, timeout=30) as client,
                client.stream(after=0) as events,
            ):
                return [(await anext(events)).sequence for _ in _LOG]

    assert asyncio.run(listen()) == [*_LOG]
