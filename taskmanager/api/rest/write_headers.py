"""The headers that requests for changes may carry."""

import re
from hashlib import sha256
from typing import NamedTuple

from aiohttp import web

from taskmanager.api.rest.bodies import invalid
from taskmanager.api.rest.problems import FieldError, Problem
from taskmanager.api.rest.task_bodies import TEXT_MAX
from taskmanager.api.trace_context import is_traceparent, is_tracestate
from taskmanager.application.principal import Principal
from taskmanager.application.use_cases.writing.unit import Claim, IdempotencyKey

IDEMPOTENCY_KEY = "Idempotency-Key"
IF_MATCH = "If-Match"
CORRELATION_ID = "X-Correlation-ID"
REPLAYED = "Idempotency-Replayed"
# What the routes say that they mind.
_TRACE = ("traceparent", "tracestate", CORRELATION_ID)
CREATE_HEADERS = (IDEMPOTENCY_KEY, *_TRACE)
CHANGE_HEADERS = (IF_MATCH, IDEMPOTENCY_KEY, *_TRACE)
DELETE_HEADERS = (IF_MATCH, *_TRACE)

_KEY = re.compile(r"[!-~]{1,255}", re.ASCII).fullmatch
# https://www.rfc-editor.org/rfc/rfc9110#field.if-match
_ETAG = r'(?:W/)?"[!#-~]*"'
_ETAGS = re.compile(rf"{_ETAG}(?:[ \t]*,[ \t]*{_ETAG})*", re.ASCII).fullmatch
_VERSION = re.compile(r'(?<!/)"([1-9][0-9]{0,9})"', re.ASCII).findall


class Cause(NamedTuple):
    """Who wants a change, and what it belongs to: kept on its events."""

    actor: str
    correlation_id: str | None
    traceparent: str | None
    tracestate: str | None


def cause_of(request: web.BaseRequest, principal: Principal, correlation_id: str | None) -> Cause:
    """Whoever calls, with the trace and the correlation id that the request names; a trace that is none is dropped."""
    headers = request.headers
    if correlation_id is None:
        correlation_id = headers.get(CORRELATION_ID) or None
    if correlation_id is not None and not (len(correlation_id) <= TEXT_MAX and correlation_id.isprintable()):
        error = FieldError("correlationId", f"must be at most {TEXT_MAX} printable characters")
        raise invalid(error, status=422)
    parent = headers.get("traceparent")
    if parent is None or not is_traceparent(parent):
        return Cause(principal.id, correlation_id, None, None)
    state = headers.get("tracestate")
    return Cause(principal.id, correlation_id, parent, state if state and is_tracestate(state) else None)


def claim_of(request: web.Request, principal: Principal, raw: bytes) -> Claim | None:
    """The idempotency key of the request, if it has one; raises a `Problem` (400) where that is none."""
    key = request.headers.get(IDEMPOTENCY_KEY)
    if key is None:
        return None
    if _KEY(key) is None or len(request.headers.getall(IDEMPOTENCY_KEY)) > 1:
        error = FieldError(IDEMPOTENCY_KEY, "must be one name of 1 to 255 visible ASCII characters")
        raise invalid(error, what="the header")
    asked = sha256(f"{request.method} {request.raw_path}\n".encode())
    asked.update(raw)
    return Claim(IdempotencyKey(principal.id, key), asked.hexdigest())


def versions_of(request: web.BaseRequest) -> frozenset[int] | None:
    """The versions that If-Match names, None for any; raises a `Problem` (412) where it cannot match whatever there is.

    A weak tag, and one that no version of a task has, match nothing.
    """
    given = request.headers.getall(IF_MATCH, ())
    text = ", ".join(given).strip()
    if not given or text == "*":
        return None
    if _ETAGS(text) is None:
        raise Problem(412, 'If-Match must be * or versions in quotation marks, such as "3"')
    return frozenset(map(int, _VERSION(text)))
