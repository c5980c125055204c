"""Gives every request an id that its log lines and its answer carry."""

import re
from uuid import uuid4

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

HEADER = "X-Request-ID"
_ACCEPTED = re.compile(r"[A-Za-z0-9._-]{1,128}").fullmatch


@web.middleware
async def request_id(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Keeps the caller's id where it is fit for a log, else makes one."""
    given = request.headers.get(HEADER, "")
    identifier = given if _ACCEPTED(given) else uuid4().hex
    with structlog.contextvars.bound_contextvars(request_id=identifier):
        response = await handler(request)
    response.headers[HEADER] = identifier
    return response
