"""Errors as RFC 9457 problem documents, with the members that callers of the earlier service expect."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from http import HTTPStatus

import msgspec
import orjson
from aiohttp import web

CONTENT_TYPE = "application/problem+json"


class FieldError(msgspec.Struct, frozen=True):
    """What is wrong with one value; `path` leads to it, such as metadata.team or tasks[3].userEmail."""

    path: str
    message: str


class ProblemDocument(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A failed request (RFC 9457): `detail` says what is wrong and what to do, `errors` which values are at fault."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    error: str
    timestamp: str
    path: str
    method: str
    errors: list[FieldError] = []
    field: str | None = None


class Problem(Exception):  # noqa: N818 - reads as what it is
    """Ends a request with a problem document; nothing in it may come from a stack trace or a statement."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        errors: Sequence[FieldError] = (),
        members: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = errors
        self.members = dict(members or {})
        self.headers = headers

    def response(self, request: web.BaseRequest) -> web.Response:
        """The document as an answer to `request`."""
        members = self.members
        if self.errors:
            members = {"errors": [msgspec.to_builtins(error) for error in self.errors], **members}
        return problem(request, self.status, self.detail, members=members, headers=self.headers)


def problem(
    request: web.BaseRequest,
    status: int,
    detail: str,
    *,
    members: Mapping[str, object] | None = None,
    headers: Mapping[str, str] | None = None,
) -> web.Response:
    """The response that tells `detail`; `members` are added to the document."""
    title = HTTPStatus(status).phrase
    document = {
        "type": "about:blank",
        "title": title,
        "status": status,
        "detail": detail,
        "instance": request.path,
        "error": detail,
        "timestamp": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
        "path": request.path,
        "method": request.method,
        **(members or {}),
    }
    return web.Response(body=orjson.dumps(document), status=status, content_type=CONTENT_TYPE, headers=headers)
