"""Names for requests that a client cannot invent: what metrics and logs are labelled with."""

from aiohttp import hdrs, web

UNMATCHED = "unmatched"
_METHODS = frozenset(hdrs.METH_ALL)


def endpoint(request: web.Request) -> str:
    """The template of the request's route, such as /api/tasks/{id}; `unmatched` where there is none."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else UNMATCHED


def method(request: web.Request) -> str:
    """The request's method, `OTHER` for one that HTTP does not know."""
    return request.method if request.method in _METHODS else "OTHER"
