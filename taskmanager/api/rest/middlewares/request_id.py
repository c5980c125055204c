"""Gives every request an id that its log lines and its answer carry."""

import re
from itertools import count
from uuid import uuid4

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

HEADER = "X-Request-ID"
_ACCEPTED = re.compile(r"[A-Za-z0-9._-]{1,128}").fullmatch
# Random once and counted from there: random numbers of the system are dear, and an id may be guessed.
_PROCESS = uuid4().hex[:20]
_numbers = count(1)


@web.middleware
async def request_id(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Keeps the caller's id where it is fit for a log, else makes one."""
    given = request.headers.get(HEADER)
    identifier = given if given and _ACCEPTED(given) else f"{_PROCESS}{next(_numbers):012x}"
    # Not taken back afterwards: whatever this connection's task does next is another request, with an id of its own.
    structlog.contextvars.bind_contextvars(request_id=identifier)
    response = await handler(request)
    response.headers[HEADER] = identifier
    return response
