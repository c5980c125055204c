"""A request after everything that is the same for all routes was done to it."""

from collections.abc import Mapping
from typing import Any, Generic, TypeVar

from aiohttp import web

from taskmanager.application.principal import Principal

Q = TypeVar("Q")
B = TypeVar("B")


class Call(Generic[Q, B]):
    """What a handler gets: who calls, with which path, query and body; `raw` is the body as it was sent."""

    __slots__ = ("_path", "body", "principal", "query", "raw", "request")

    def __init__(
        self, request: web.Request, principal: Principal, path: Mapping[str, Any], query: Q, body: B, raw: bytes
    ) -> None:
        self.request = request
        self._path = path
        self.principal = principal
        self.query = query
        self.body = body
        self.raw = raw

    def path(self, name: str) -> Any:
        """What stands at `{name}` in the route's path: a `TaskId`, or a value of the type that the route names."""
        return self._path[name]
