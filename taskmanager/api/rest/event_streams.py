"""Writes live streams to sockets, and cuts those that do not take them."""

import asyncio
import socket
from contextlib import suppress

from aiohttp import hdrs, web

from taskmanager.api.rest.problems import Problem
from taskmanager.api.rest.sse import CONTENT_TYPE, opening, silence
from taskmanager.application.feed.hub import EventHub, HubClosed, HubFull
from taskmanager.application.feed.model import EventFilter
from taskmanager.application.feed.subscription import FellBehind, Subscription

STALL_SECONDS = 10.0
# What a token allows is looked at again when the client comes back.
_LIFETIME_SECONDS = 3600.0
_RETRY_SECONDS = 2.0
_FAREWELL_SECONDS = 1.0
# The kernel would buffer megabytes for each client that reads slowly.
_SEND_BUFFER_BYTES = 128 << 10
_WRITE_BUFFER_BYTES = 16 << 10
_HEADERS: dict[str, str] = {
    hdrs.CONTENT_TYPE: CONTENT_TYPE,
    hdrs.CACHE_CONTROL: "no-store",
    "X-Accel-Buffering": "no",  # nginx would keep events until it has enough of them
}
_LATER: dict[str, str] = {hdrs.RETRY_AFTER: "1"}


class EventStreams:
    """The open streams of a process; one whose socket takes nothing for `stall_seconds` is cut."""

    def __init__(
        self, hub: EventHub, *, stall_seconds: float = STALL_SECONDS, lifetime_seconds: float = _LIFETIME_SECONDS
    ) -> None:
        self._hub = hub
        self._stall_seconds = stall_seconds
        self._lifetime_seconds = lifetime_seconds
        self._open: dict[Subscription, web.Request] = {}
        self._is_empty = asyncio.Event()
        self._is_empty.set()

    async def serve(self, request: web.Request, wanted: EventFilter, after: int | None) -> web.StreamResponse:
        """Answers with the stream; returns at its end. Before it begins it may raise a `Problem` (503), `BeyondEnd`
        or a `StoreError`.
        """
        try:
            subscription = await self._hub.subscribe(wanted, after)
        except HubClosed:
            raise Problem(503, "the service is about to stop; try again", headers=_LATER) from None
        except HubFull:
            raise Problem(
                503, "this process serves as many live streams as it may; try again", headers=_LATER
            ) from None
        dropped: str | None = None
        self._open[subscription] = request
        self._is_empty.clear()
        response = web.StreamResponse(headers=_HEADERS)
        try:
            await self._write(request, response, subscription)
        except FellBehind:
            dropped = "behind"
        except TimeoutError:
            dropped = "stalled"
        except ConnectionError:
            pass  # the client went away
        finally:
            self._hub.leave(subscription, dropped)
            del self._open[subscription]
            if not self._open:
                self._is_empty.set()
        if dropped is not None:
            _cut(request)
        return response

    async def close(self) -> None:
        """Ends every stream at once, and cuts those whose clients do not take the end within a second."""
        await self._hub.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(_FAREWELL_SECONDS):
                await self._is_empty.wait()
        for request in self._open.values():
            _cut(request)

    async def _write(self, request: web.Request, response: web.StreamResponse, subscription: Subscription) -> None:
        writer = await response.prepare(request)
        assert writer is not None  # noqa: S101 - only a response that has ended has none
        _bound_buffers(request)
        ends = asyncio.get_running_loop().time() + self._lifetime_seconds
        told: bytes | None = opening(subscription.position, _RETRY_SECONDS)
        while told is not None:
            async with asyncio.timeout(self._stall_seconds):
                await writer.write(told or silence(subscription.position))
                # `write` waits for the client only now and then.
                await writer.drain()
            if asyncio.get_running_loop().time() >= ends:
                return
            told = await subscription.next()


def _bound_buffers(request: web.Request) -> None:
    transport = request.transport
    if transport is None:
        return
    transport.set_write_buffer_limits(high=_WRITE_BUFFER_BYTES)
    connection = transport.get_extra_info("socket")
    if connection is not None and connection.family in (socket.AF_INET, socket.AF_INET6):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)


def _cut(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()
