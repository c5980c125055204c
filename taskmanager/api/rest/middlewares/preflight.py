"""Answers browsers that ask whether a page may call."""

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from taskmanager.api.rest.cors import CorsPolicy


def preflight(policy: CorsPolicy) -> Middleware:
    """A middleware that answers for every path alike: whether there is something is not for strangers to know."""

    @web.middleware
    async def answered(request: web.Request, handler: Handler) -> web.StreamResponse:
        return policy.preflight(request) or await handler(request)

    return answered
