"""A row of the route table: what is served where, to whom, and what OpenAPI tells of it."""

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec
from aiohttp import web

from taskmanager.api.rest.call import Call
from taskmanager.application.principal import Permission

# The handler's docstring is what OpenAPI tells: the first sentence as the summary, all of it as the description.
Handler = Callable[[Call[Any, Any]], Awaitable[web.StreamResponse]]

SMALL_BODY = 64 * 1024
_NOTHING: Mapping[str, type] = MappingProxyType({})


class Route(NamedTuple):
    """One operation.

    `permission` None is open to everybody. `answers` are the documents of its successes by status (None: no body, a
    text: the media type of a body that is no JSON), `errors` the statuses of its failures beyond those that every route
    of its kind has, `headers` the names of request headers that it minds. `path_types` are the types of path parameters
    that are no ids of tasks; `body_limit` is in bytes; one that `streams` is not cut off by the deadline of requests;
    `example` is a body that takes effect as it is.
    """

    method: str
    path: str
    operation_id: str
    handler: Handler
    permission: Permission | None
    tag: str
    query: type[msgspec.Struct] | None = None
    body: type[msgspec.Struct] | None = None
    answers: Mapping[int, Any] = MappingProxyType({200: None})
    errors: tuple[int, ...] = ()
    headers: tuple[str, ...] = ()
    path_types: Mapping[str, Any] = _NOTHING
    body_limit: int = SMALL_BODY
    streams: bool = False
    example: Mapping[str, Any] | None = None
