"""What stands between clients and the routes, whatever the routes do."""

from collections.abc import Callable
from typing import NamedTuple

from aiohttp import web
from aiohttp.typedefs import Middleware

from taskmanager.api.rest.addresses import ClientAddresses
from taskmanager.api.rest.cors import CorsPolicy
from taskmanager.api.rest.middlewares.address_limit import limit_addresses
from taskmanager.api.rest.middlewares.preflight import preflight
from taskmanager.api.rest.rate_limits import TokenBuckets
from taskmanager.api.rest.response_headers import ResponseHeaders


class Edge(NamedTuple):
    """How the interface treats clients; `body_timeout` in seconds, no policy and no buckets mean no such rule."""

    body_timeout: float = 20.0
    cors: CorsPolicy | None = None
    by_address: TokenBuckets | None = None
    addresses: ClientAddresses = ClientAddresses()
    is_draining: Callable[[], bool] = lambda: False

    def middlewares(self) -> list[Middleware]:
        """Those that the rules need; to stand inside of the ones that make problems of errors."""
        needed: list[Middleware] = []
        if self.cors is not None:
            needed.append(preflight(self.cors))
        if self.by_address is not None:
            needed.append(limit_addresses(self.by_address, self.addresses))
        return needed

    def mark_answers(self, application: web.Application) -> None:
        """Lets every answer of the application carry the headers that it must."""
        application.on_response_prepare.append(ResponseHeaders(self.cors, self.is_draining))


PLAIN = Edge()
