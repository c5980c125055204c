"""Why a request came to nothing; no text here ever holds a token."""

from collections.abc import Sequence
from http import HTTPStatus

import msgspec


class FieldProblem(msgspec.Struct, frozen=True):
    """What is wrong with one value; `path` leads to it, such as metadata.team or tasks[3].userEmail."""

    path: str
    message: str


class TaskManagerError(Exception):
    """Any failure of a request."""


class Unreachable(TaskManagerError):  # noqa: N818 - reads as what happened
    """No answer came: there is no connection, it was cut, or time was up.

    `may_have_arrived` is False where the request certainly never left.
    """

    def __init__(self, url: str, why: str, *, may_have_arrived: bool) -> None:
        super().__init__(f"{url} gives no answer: {why}")
        self.url = url
        self.may_have_arrived = may_have_arrived


class UnexpectedAnswer(TaskManagerError):  # noqa: N818
    """The answer is too large, or is not one that this interface gives."""


class RequestFailed(TaskManagerError):  # noqa: N818
    """The server says no. `status` is that of HTTP, `request_id` finds the request in the server's logs.

    `reason` is a word for machines where there is one, `retry_after` (seconds) the server's wish. With
    `after_unknown` an earlier try of the same request went without an answer, and may have had its effect.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        errors: Sequence[FieldProblem] = (),
        reason: str | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = tuple(errors)
        self.reason = reason
        self.request_id = request_id
        self.retry_after = retry_after
        self.after_unknown = False


class ValidationFailed(RequestFailed):
    """400 and 422: the request is wrong by itself; `errors` names the values at fault."""


class Unauthorized(RequestFailed):
    """401: the token is missing or not valid."""


class Forbidden(RequestFailed):
    """403: the token's role does not allow this."""


class NotFound(RequestFailed):
    """404: it does not exist, or belongs to somebody else."""


class Conflict(RequestFailed):
    """409: the present state does not allow this; `reason` says which rule."""


class Outdated(RequestFailed):
    """412: the task has moved on from the version that was expected."""


class TooLarge(RequestFailed):
    """413: the request has more bytes than the server takes."""


class RateLimited(RequestFailed):
    """429: too many requests; `retry_after` says when there is room again."""


class ServerFailed(RequestFailed):
    """500 and its like: a defect of the server."""


class Unavailable(ServerFailed):
    """502, 503 and 504: the server, or what it depends on, cannot do it now."""


_BY_STATUS: dict[int, type[RequestFailed]] = {
    400: ValidationFailed,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    412: Outdated,
    413: TooLarge,
    422: ValidationFailed,
    429: RateLimited,
    502: Unavailable,
    503: Unavailable,
    504: Unavailable,
}


class _ProblemDocument(msgspec.Struct, frozen=True):
    detail: str = ""
    errors: list[FieldProblem] = []
    reason: str | None = None


def failure_of(status: int, body: bytes, *, request_id: str | None, retry_after: float | None) -> RequestFailed:
    """The error that an answer means; one without a problem document (RFC 9457) comes from a proxy."""
    try:
        document = msgspec.json.decode(body, type=_ProblemDocument)
    except msgspec.DecodeError:
        document = _ProblemDocument()
    kind = _BY_STATUS.get(status, ServerFailed if status >= HTTPStatus.INTERNAL_SERVER_ERROR else RequestFailed)
    return kind(
        status,
        document.detail or _phrase(status),
        errors=document.errors,
        reason=document.reason,
        request_id=request_id,
        retry_after=retry_after,
    )


def _phrase(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"status {status}"
