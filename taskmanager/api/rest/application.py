"""The aiohttp application: routes inside, middlewares around them."""

from collections.abc import Sequence

from aiohttp import web

from taskmanager.api.rest.middlewares.access_log import access_log
from taskmanager.api.rest.middlewares.deadline import deadline
from taskmanager.api.rest.middlewares.errors import errors
from taskmanager.api.rest.middlewares.metrics import RequestMetrics, count_requests
from taskmanager.api.rest.middlewares.request_id import request_id


def rest_application(
    table: Sequence[web.RouteDef], metrics: RequestMetrics, *, request_timeout: float
) -> web.Application:
    """Serves `table`; a request that takes longer than `request_timeout` seconds is answered 503."""
    # The first is the outermost.
    application = web.Application(
        middlewares=[request_id, access_log, count_requests(metrics), errors, deadline(request_timeout)]
    )
    application.add_routes(table)
    return application
