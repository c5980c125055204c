"""One line per request, without addresses, paths or anything else that identifies a person."""

import time

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from taskmanager.api.rest.middlewares.endpoint import endpoint, method

_log = structlog.get_logger(__name__)
# A line costs as much as a tenth of a creation. What took effect is in the event log, and all is counted.
_SLOW_SECONDS = 1.0


@web.middleware
async def access_log(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Logs requests that fail or take long; the others only where the level is debug."""
    began = time.perf_counter()
    response = await handler(request)
    seconds = time.perf_counter() - began
    log = _log.info if response.status >= 400 or seconds >= _SLOW_SECONDS else _log.debug
    log(
        "request answered",
        method=method(request),
        endpoint=endpoint(request),
        status=response.status,
        milliseconds=round(seconds * 1000, 1),
    )
    return response
