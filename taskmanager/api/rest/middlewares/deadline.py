"""No request is worked on for ever."""

import asyncio

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware


def deadline(seconds: float) -> Middleware:
    """A middleware that gives a request up after `seconds` by raising `TimeoutError`."""

    @web.middleware
    async def limited(request: web.Request, handler: Handler) -> web.StreamResponse:
        async with asyncio.timeout(seconds):
            return await handler(request)

    return limited
