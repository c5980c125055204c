"""What every route does before and after its handler: deadline, admission, query, body."""

from typing import Protocol

from aiohttp import web
from aiohttp.typedefs import Handler

from taskmanager.api.rest.bodies import body_decoder, check_media_type, decode_body, read_body
from taskmanager.api.rest.call import Call
from taskmanager.api.rest.deadlines import Deadlines
from taskmanager.api.rest.paths import PathReader
from taskmanager.api.rest.queries import QueryReader, refuse_query
from taskmanager.api.rest.readmission import while_admitted
from taskmanager.api.rest.route import Route
from taskmanager.application.principal import ANONYMOUS, Permission, Principal, Role

# Who uses a route that is open to everybody has no say anywhere else.
_NOBODY = Principal("anonymous", Role.READER)


class Gate(Protocol):
    """Who may pass."""

    async def admit(self, request: web.Request, permission: Permission) -> Principal:
        """Who calls; raises a `Problem`: 401 where that is unknown, 403 without the permission, 429 too often."""


class OpenGate:
    """Lets everybody do everything: for a service that was told to be open."""

    async def admit(self, request: web.Request, permission: Permission) -> Principal:  # noqa: ARG002
        """See `Gate.admit`."""
        return ANONYMOUS


def endpoint(route: Route, gate: Gate, *, deadlines: Deadlines, body_timeout: float) -> Handler:
    """The handler that aiohttp calls for a route; raises `TimeoutError` where `deadlines` give it up."""
    permission, handler, limit = route.permission, route.handler, route.body_limit
    path_reader = PathReader(route.path, route.path_types)
    query_reader = QueryReader(route.query) if route.query is not None else None
    decoder = body_decoder(route.body) if route.body is not None else None
    takes_body = route.method in ("POST", "PUT", "PATCH", "DELETE")

    async def serve(request: web.Request) -> web.StreamResponse:
        principal = _NOBODY if permission is None else await gate.admit(request, permission)
        path = path_reader.read(request)
        query = body = None
        if query_reader is not None:
            query = query_reader.read(request.rel_url.raw_query_string)
        else:
            refuse_query(request.rel_url.raw_query_string)
        raw = await read_body(request, limit, body_timeout) if takes_body and request.can_read_body else b""
        if decoder is not None:
            if raw:
                check_media_type(request)
            body = decode_body(raw, decoder)
        return await handler(Call(request, principal, path, query, body, raw))

    async def serve_in_time(request: web.Request) -> web.StreamResponse:
        return await deadlines.keep(serve(request))

    async def serve_while_admitted(request: web.Request) -> web.StreamResponse:
        if permission is None:
            return await serve(request)
        return await while_admitted(serve(request), request, lambda: gate.admit(request, permission))

    return serve_while_admitted if route.streams else serve_in_time
