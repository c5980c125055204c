"""Counts and times every request."""

import time
from typing import Protocol

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from taskmanager.api.rest.middlewares.endpoint import endpoint, method


class RequestMetrics(Protocol):
    """Where requests are counted."""

    def answered(self, method: str, endpoint: str, status: int, seconds: float) -> None:
        """Counts an answer; no argument is text of the client's own."""


def count_requests(metrics: RequestMetrics) -> Middleware:
    """A middleware that tells `metrics` of every answer."""

    @web.middleware
    async def counted(request: web.Request, handler: Handler) -> web.StreamResponse:
        began = time.perf_counter()
        status = 499  # what proxies call a client that went away
        try:
            response = await handler(request)
            status = response.status
            return response
        finally:
            metrics.answered(method(request), endpoint(request), status, time.perf_counter() - began)

    return counted
