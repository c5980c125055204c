"""Turns whatever goes wrong into a problem document."""

import structlog
from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from taskmanager.api.rest.bodies import invalid
from taskmanager.api.rest.problems import FieldError, Problem, problem
from taskmanager.application.ports import StoreError
from taskmanager.domain.errors import InvalidValue

_log = structlog.get_logger(__name__)
_RETRY_LATER: dict[str, str] = {hdrs.RETRY_AFTER: "1"}


@web.middleware
async def errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answers 422 for a forbidden value, 503 while the database is away, and 500 without any detail for a defect."""
    try:
        return await handler(request)
    except Problem as error:
        return error.response(request)
    except InvalidValue as error:
        return invalid(FieldError(error.field, error.problem), status=422).response(request)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        kept = {name: value for name, value in error.headers.items() if name != hdrs.CONTENT_TYPE}
        return problem(request, error.status, error.reason, headers=kept)
    except StoreError as error:
        _log.warning("database does not answer", error=str(error))
        return problem(request, 503, "the database is not available; try again", headers=_RETRY_LATER)
    except TimeoutError:
        return problem(request, 503, "the request took too long; try again", headers=_RETRY_LATER)
    except Exception:  # noqa: BLE001 - whatever it is, the caller gets an answer
        _log.exception("request failed")
        return problem(request, 500, "an internal error; its log line carries the request's id")
