"""Turns whatever goes wrong into a problem document."""

import structlog
from aiohttp import hdrs, web

from taskmanager.api.rest.bodies import invalid
from taskmanager.api.rest.problems import FieldError, Problem, problem
from taskmanager.application.ports import GIVEN_UP, UNKNOWN, StoreError, StoreUnavailable
from taskmanager.domain.errors import InvalidValue

_log = structlog.get_logger(__name__)
_GIVEN_UP = "the database gave it up: it took too long, or others held what it needs; try again"
_UNKNOWN = (
    "the database went away and it is not known whether this took effect; send it again with the same Idempotency-Key, "
    "or look"
)
_RETRY_LATER: dict[str, str] = {hdrs.RETRY_AFTER: "1"}


def answer_to(error: Exception, request: web.BaseRequest) -> web.Response:
    """422 for a forbidden value, 503 while the database is away, and 500 without any detail for a defect.

    Raises what is no error but an answer of aiohttp's own.
    """
    match error:
        case Problem():
            return error.response(request)
        case InvalidValue():
            return invalid(FieldError(error.field, error.problem), status=422).response(request)
        case web.HTTPException():
            if error.status < 400:
                raise error
            kept = {name: value for name, value in error.headers.items() if name != hdrs.CONTENT_TYPE}
            return problem(request, error.status, _told(error), headers=kept)
        case StoreUnavailable(kind=kind) if kind == UNKNOWN:
            _log.warning("outcome unknown", error=str(error))
            return problem(request, 503, _UNKNOWN, headers=_RETRY_LATER)
        case StoreUnavailable(kind=kind) if kind == GIVEN_UP:
            _log.warning("database gave up", error=str(error))
            return problem(request, 503, _GIVEN_UP, headers=_RETRY_LATER)
        case StoreError():
            _log.warning("database does not answer", error=str(error))
            return problem(request, 503, "the database is not available; try again", headers=_RETRY_LATER)
        case TimeoutError():
            return problem(request, 503, "the request took too long; try again", headers=_RETRY_LATER)
        case _:
            _log.error("request failed", exc_info=error)
            return problem(request, 500, "an internal error; its log line carries the request's id")


def _told(error: web.HTTPException) -> str:
    """What is wrong, and what to do, of what aiohttp itself refuses."""
    match error:
        case web.HTTPNotFound():
            return "there is no such path; /api/docs shows all that there are"
        case web.HTTPMethodNotAllowed(allowed_methods=methods):
            return f"{error.method} is not for this path, which takes {', '.join(sorted(methods))}"
        case _:
            return error.reason
