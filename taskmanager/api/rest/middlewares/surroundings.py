"""What happens around every request: an id before, an answer to whatever goes wrong, a count and a log line after it.

One middleware and not one for each: every further one costs each request as much as a look-up in a table of metrics.
"""

import time

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from taskmanager.api.rest.middlewares.access_log import log_request
from taskmanager.api.rest.middlewares.endpoint import endpoint, method
from taskmanager.api.rest.middlewares.errors import answer_to
from taskmanager.api.rest.middlewares.metrics import RequestMetrics
from taskmanager.api.rest.middlewares.request_id import HEADER, identify

_CLIENT_GONE = 499  # what proxies call a client that went away


def surrounded(metrics: RequestMetrics) -> Middleware:
    """A middleware that tells `metrics` of every answer."""

    @web.middleware
    async def around(request: web.Request, handler: Handler) -> web.StreamResponse:
        began = time.perf_counter()
        identifier = identify(request)
        status = _CLIENT_GONE
        try:
            try:
                response = await handler(request)
            except Exception as error:  # noqa: BLE001 - whatever it is, the caller gets an answer
                response = answer_to(error, request)
            status = response.status
            response.headers[HEADER] = identifier
            return response
        finally:
            seconds = time.perf_counter() - began
            verb, where = method(request), endpoint(request)
            metrics.answered(verb, where, status, seconds)
            log_request(verb, where, status, seconds)

    return around
