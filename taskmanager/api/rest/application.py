"""The aiohttp application: routes inside, middlewares around them."""

from collections.abc import Sequence
from functools import partial
from typing import NoReturn

from aiohttp import web

from taskmanager.api.rest.bodies import await_reading
from taskmanager.api.rest.deadlines import Deadlines
from taskmanager.api.rest.edge import PLAIN, Edge
from taskmanager.api.rest.endpoint import Gate, endpoint
from taskmanager.api.rest.middlewares.metrics import RequestMetrics
from taskmanager.api.rest.middlewares.surroundings import surrounded
from taskmanager.api.rest.middlewares.tracing import traced
from taskmanager.api.rest.route import Route


def rest_application(
    table: Sequence[Route],
    gate: Gate,
    metrics: RequestMetrics,
    *,
    request_timeout: float,
    is_traced: bool = True,
    edge: Edge = PLAIN,
) -> web.Application:
    """Serves `table` to whom `gate` admits; a request that takes longer than `request_timeout` seconds gets a 503."""
    # The first is the outermost.
    middlewares = [*([traced] if is_traced else []), surrounded(metrics)]
    application = web.Application(middlewares=[*middlewares, *edge.middlewares()])
    edge.mark_answers(application)
    deadlines = Deadlines(request_timeout)
    for route in table:
        handler = endpoint(route, gate, deadlines=deadlines, body_timeout=edge.body_timeout)
        if route.method == "GET":
            application.router.add_get(route.path, handler, expect_handler=await_reading)  # answers HEAD, too
        else:
            application.router.add_route(route.method, route.path, handler, expect_handler=await_reading)
    _refuse_other_methods(application, table)
    return application


def _refuse_other_methods(application: web.Application, table: Sequence[Route]) -> None:
    """Lets a path without placeholders answer 405 itself, rather than a longer look that finds it to be an id."""
    methods: dict[str, set[str]] = {}
    for route in table:
        if "{" not in route.path:
            methods.setdefault(route.path, set()).update({"GET", "HEAD"} if route.method == "GET" else {route.method})
    for path, allowed in methods.items():
        application.router.add_route("*", path, partial(_method_not_allowed, frozenset(allowed)))


async def _method_not_allowed(allowed: frozenset[str], request: web.Request) -> NoReturn:
    raise web.HTTPMethodNotAllowed(request.method, allowed)
