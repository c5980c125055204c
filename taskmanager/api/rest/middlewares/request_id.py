"""Gives every request an id that its log lines and its answer carry."""

import re
from itertools import count
from uuid import uuid4

import structlog
from aiohttp import web

HEADER = "X-Request-ID"
_ACCEPTED = re.compile(r"[A-Za-z0-9._-]{1,128}").fullmatch
# Random once and counted from there: random numbers of the system are dear, and an id may be guessed.
_PROCESS = uuid4().hex[:20]
_numbers = count(1)


def identify(request: web.BaseRequest) -> str:
    """The caller's id where it is fit for a log, else a new one; the log lines of this task carry it from now on."""
    given = request.headers.get(HEADER)
    identifier = given if given and _ACCEPTED(given) else f"{_PROCESS}{next(_numbers):012x}"
    # Never taken back: whatever this connection's task does next is another request, with an id of its own.
    structlog.contextvars.bind_contextvars(request_id=identifier)
    return identifier
