"""Limits how often an address may ask, whatever for and whoever it says it is."""

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from taskmanager.api.rest.addresses import ClientAddresses
from taskmanager.api.rest.limited_gate import hold
from taskmanager.api.rest.rate_limits import TokenBuckets

# Who watches over the service must see it whatever else comes from the same address.
_PROBES = frozenset({"/api/health", "/api/health/live", "/api/health/ready"})


def limit_addresses(buckets: TokenBuckets, addresses: ClientAddresses) -> Middleware:
    """A middleware that raises a `Problem` (429) where an address asks too often; probes are let through."""

    @web.middleware
    async def limited(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path not in _PROBES:
            hold(request, buckets, addresses.of(request))
        return await handler(request)

    return limited
