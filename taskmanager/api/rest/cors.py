"""Which pages of other origins may call this interface (https://fetch.spec.whatwg.org/#http-cors-protocol)."""

from collections.abc import Sequence

from aiohttp import hdrs, web
from multidict import CIMultiDict

# What a page may read of an answer besides the few headers that every page may.
_EXPOSED = "ETag, Idempotency-Replayed, Location, RateLimit, RateLimit-Policy, Retry-After, X-Request-ID"
_PREFLIGHT_SECONDS = "600"
_VARY_PREFLIGHT = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"
_ANYBODY = "*"


class CorsPolicy:
    """Answers for `origins`, or for all of them where one is `*`; `credentials` is for named origins alone."""

    def __init__(
        self, origins: Sequence[str], methods: Sequence[str], headers: Sequence[str], *, credentials: bool
    ) -> None:
        self._origins = frozenset(origin.lower() for origin in origins)
        self._is_open = _ANYBODY in self._origins
        self._methods = ", ".join(methods)
        self._headers = ", ".join(headers)
        self._credentials = credentials and not self._is_open

    def preflight(self, request: web.Request) -> web.Response | None:
        """The answer to a browser that asks before it sends the request itself; None if this is none."""
        if request.method != hdrs.METH_OPTIONS or hdrs.ACCESS_CONTROL_REQUEST_METHOD not in request.headers:
            return None
        response = web.Response(status=204, headers={hdrs.VARY: _VARY_PREFLIGHT})
        if self._allows(request.headers.get(hdrs.ORIGIN)):
            response.headers.update(
                {
                    hdrs.ACCESS_CONTROL_ALLOW_METHODS: self._methods,
                    hdrs.ACCESS_CONTROL_ALLOW_HEADERS: self._headers,
                    hdrs.ACCESS_CONTROL_MAX_AGE: _PREFLIGHT_SECONDS,
                }
            )
        return response

    def mark(self, request: web.BaseRequest, headers: CIMultiDict[str]) -> None:
        """Lets the page read the answer with these headers if its origin may."""
        origin = request.headers.get(hdrs.ORIGIN)
        if not self._is_open:
            vary = headers.get(hdrs.VARY)
            if vary is None:
                headers[hdrs.VARY] = hdrs.ORIGIN
            elif hdrs.ORIGIN not in vary:
                headers[hdrs.VARY] = f"{vary}, {hdrs.ORIGIN}"
        if origin is None or not self._allows(origin):
            return
        headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = _ANYBODY if self._is_open else origin
        headers[hdrs.ACCESS_CONTROL_EXPOSE_HEADERS] = _EXPOSED
        if self._credentials:
            headers[hdrs.ACCESS_CONTROL_ALLOW_CREDENTIALS] = "true"

    def _allows(self, origin: str | None) -> bool:
        return origin is not None and (self._is_open or origin.lower() in self._origins)
