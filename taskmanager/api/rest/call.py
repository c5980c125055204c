"""A request after everything that is the same for all routes was done to it."""

from typing import Generic, TypeVar

from aiohttp import web

from taskmanager.application.principal import Principal

Q = TypeVar("Q")
B = TypeVar("B")


class Call(Generic[Q, B]):
    """What a handler gets: who calls, with which query and body; `raw` is the body as it was sent."""

    __slots__ = ("body", "principal", "query", "raw", "request")

    def __init__(self, request: web.Request, principal: Principal, query: Q, body: B, raw: bytes) -> None:
        self.request = request
        self.principal = principal
        self.query = query
        self.body = body
        self.raw = raw

    def path(self, name: str) -> str:
        """The text at `{name}` in the route's path."""
        return self.request.match_info[name]
