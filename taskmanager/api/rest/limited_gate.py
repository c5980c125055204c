"""A gate that nobody passes too often."""

from math import ceil

from aiohttp import hdrs, web

from taskmanager.api.rest.endpoint import Gate
from taskmanager.api.rest.problems import Problem
from taskmanager.api.rest.rate_limits import Grant, TokenBuckets
from taskmanager.api.rest.response_headers import note_limit
from taskmanager.application.principal import Permission, Principal


class LimitedGate:
    """Lets those through whom `inner` admits, each as often as `buckets` allow."""

    def __init__(self, inner: Gate, buckets: TokenBuckets) -> None:
        self._inner = inner
        self._buckets = buckets

    async def admit(self, request: web.Request, permission: Permission) -> Principal:
        """See `Gate.admit`."""
        principal = await self._inner.admit(request, permission)
        hold(request, self._buckets, principal.id)
        return principal


def hold(request: web.Request, buckets: TokenBuckets, key: str) -> None:
    """Takes a token for a request and lets its answer tell; raises a `Problem` (429) if there is none."""
    grant = buckets.take(key)
    note_limit(request, buckets.state(grant), buckets.policy)
    if not grant.allowed:
        raise too_often(grant)


def too_often(grant: Grant) -> Problem:
    """The problem of a request for which there was no token."""
    seconds = max(ceil(grant.retry_after), 1)
    return Problem(429, f"too many requests; try again in {seconds} s", headers={hdrs.RETRY_AFTER: str(seconds)})
