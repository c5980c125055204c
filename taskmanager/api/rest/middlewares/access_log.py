"""One line per request, without addresses, paths or anything else that identifies a person."""

import time

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from taskmanager.api.rest.middlewares.endpoint import endpoint, method

_log = structlog.get_logger(__name__)
# Probes and scrapes come every few seconds for ever.
_QUIET = ("/api/health", "/api/metrics")


@web.middleware
async def access_log(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Logs the answer; requests of probes and scrapers only where they fail."""
    began = time.perf_counter()
    response = await handler(request)
    where = endpoint(request)
    if response.status >= 500 or not where.startswith(_QUIET):
        _log.info(
            "request answered",
            method=method(request),
            endpoint=where,
            status=response.status,
            milliseconds=round((time.perf_counter() - began) * 1000, 1),
        )
    return response
