"""Errors as RFC 9457 problem documents, with the members that callers of the earlier service expect."""

from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus

import orjson
from aiohttp import web

CONTENT_TYPE = "application/problem+json"


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
