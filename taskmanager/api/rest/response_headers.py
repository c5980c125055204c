"""The headers that every answer carries, streams and failures too."""

from collections.abc import Callable, Mapping

from aiohttp import hdrs, web
from multidict import CIMultiDict

from taskmanager.api.rest.cors import CorsPolicy

_LIMITS = web.RequestKey("limits", list[tuple[str, str]])

# For documents that no browser is to show, frame, run or keep; a page of ours sets its own instead.
SECURE: Mapping[str, str] = {
    hdrs.CACHE_CONTROL: "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_SECURE = CIMultiDict(SECURE)


class ResponseHeaders:
    """A receiver of aiohttp's `on_response_prepare`, which comes before the headers of any answer are sent.

    While `is_draining` says so, each answer is the last one of its connection.
    """

    def __init__(self, cors: CorsPolicy | None, is_draining: Callable[[], bool]) -> None:
        self._cors = cors
        self._is_draining = is_draining

    async def __call__(self, request: web.Request, response: web.StreamResponse) -> None:
        """Completes the headers of an answer."""
        headers = response.headers
        headers.popall(hdrs.SERVER, None)  # whose version would help nobody but an attacker
        headers.merge(_SECURE)
        if self._cors is not None:
            self._cors.mark(request, headers)
        # To ask for what is not there costs an exception; most requests have nothing noted on them.
        if len(request) and (limits := request.get(_LIMITS)) is not None:
            headers["RateLimit"] = ", ".join(state for state, _ in limits)
            headers["RateLimit-Policy"] = ", ".join(policy for _, policy in limits)
        if self._is_draining():
            headers[hdrs.CONNECTION] = "close"
            response.force_close()


def note_limit(request: web.Request, state: str, policy: str) -> None:
    """Lets the answer to `request` tell of a limit that it was held against."""
    limits = request.get(_LIMITS)
    if limits is None:
        request[_LIMITS] = limits = []
    limits.append((state, policy))
