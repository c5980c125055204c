"""Answers that hold a JSON document."""

from collections.abc import Mapping

import msgspec
from aiohttp import hdrs, web

_encode = msgspec.json.Encoder().encode


def answer(document: object, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """The document as JSON; no cache may keep it, because a task changes without telling caches."""
    return json_answer(_encode(document), status, headers)


def json_answer(body: bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """JSON that was encoded before."""
    fields: dict[str, str] = {hdrs.CONTENT_TYPE: "application/json", hdrs.CACHE_CONTROL: "no-store"}
    if headers:
        fields.update(headers)
    return web.Response(body=body, status=status, headers=fields)
