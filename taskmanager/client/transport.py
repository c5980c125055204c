"""Speaks HTTP: one request, its tries, and what came back."""

import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from errno import errorcode
from functools import partial
from io import BytesIO
from typing import NamedTuple, Self
from urllib.parse import quote, urlsplit

import aiohttp
from aiohttp import (
    ClientHandlerType,
    ClientMiddlewareType,
    ClientRequest,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    hdrs,
)
from yarl import URL

from taskmanager import __version__
from taskmanager.client.errors import TaskManagerError, UnexpectedAnswer, Unreachable, failure_of
from taskmanager.client.retrying import Retrying, retry_after

IDEMPOTENCY_KEY = "Idempotency-Key"
Token = str | Callable[[], str] | None
Parameters = Sequence[tuple[str, str]]

_API = "/api"
_CONNECT_SECONDS = 10.0
_LARGE_BYTES = 512 * 1024
_PROBLEM_MAX_BYTES = 256 * 1024
_IDEMPOTENT = frozenset({"GET", "HEAD", "PUT", "DELETE"})


class Request(NamedTuple):
    """What is asked: `path` below /api with its segments quoted (see `segment`).

    `accepts` are the statuses below 400 that are expected, and those above that are no failure.
    """

    method: str
    path: str
    query: Parameters = ()
    body: bytes | None = None
    headers: Mapping[str, str] = {}
    accepts: frozenset[int] = frozenset({200, 201, 202, 204})

    @property
    def is_repeatable(self) -> bool:
        """Whether it has its effect once, however often it is sent."""
        return self.method in _IDEMPOTENT or IDEMPOTENCY_KEY in self.headers


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Transport:
    """A pool of connections to one server; `token` is asked for anew with each request if it is a function.

    An attempt may take `timeout` seconds, and an answer may have `answer_max_bytes`.
    """

    def __init__(
        self, base_url: str, token: Token, *, retrying: Retrying, timeout: float, answer_max_bytes: int
    ) -> None:
        self.base_url = _checked(base_url)
        self.retrying = retrying
        self._token = token
        self._timeout = ClientTimeout(total=timeout, sock_connect=min(timeout, _CONNECT_SECONDS))
        self._answer_max_bytes = answer_max_bytes
        self._session: ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = ClientSession(
            headers={
                hdrs.USER_AGENT: f"taskmanager-client/{__version__}",
                hdrs.ACCEPT: "application/json",
                # What is compressed says little about how large it will be.
                hdrs.ACCEPT_ENCODING: "identity",
            },
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        return self

    async def __aexit__(self, *_exception: object) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def send(self, request: Request) -> Answer:
        """The answer to a request, tried as often as is safe and helps; raises a `TaskManagerError`."""
        return await self.retrying(partial(self._attempt, request), is_repeatable=request.is_repeatable)

    @asynccontextmanager
    async def open(self, request: Request, limits: ClientTimeout | None = None) -> AsyncIterator[ClientResponse]:
        """One attempt: the answer, its body still to be read inside `translated`; raises a `TaskManagerError`."""
        if self._session is None:
            raise RuntimeError("the client is not open: use it as `async with TaskManagerClient(…) as client`")
        url = URL(f"{self.base_url}{_API}{request.path}", encoded=True).with_query(list(request.query) or None)
        headers = {**request.headers, **self._authorization()}
        if request.body is not None:
            headers[hdrs.CONTENT_TYPE] = "application/json"
        with self.translated():
            response = await self._session.request(
                request.method, url, data=_body(request.body), headers=headers, timeout=limits or self._timeout,
                allow_redirects=False, middlewares=(_once(),),
            )  # fmt: skip
        async with response:
            if response.status not in request.accepts:
                raise await self._failure(response)
            yield response

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Makes errors of the connection `Unreachable`."""
        try:
            yield
        except aiohttp.ClientConnectorCertificateError as error:
            why = f"its certificate is not trusted ({error.certificate_error})"
            raise Unreachable(self.base_url, why, may_have_arrived=False) from None
        except aiohttp.ClientConnectorError as error:
            raise Unreachable(self.base_url, _words(error.os_error), may_have_arrived=False) from None
        except aiohttp.ConnectionTimeoutError:
            raise Unreachable(self.base_url, "it cannot be connected to in time", may_have_arrived=False) from None
        except TimeoutError:
            raise Unreachable(self.base_url, "time was up", may_have_arrived=True) from None
        except (aiohttp.ClientError, OSError) as error:
            why = str(error) or type(error).__name__
            raise Unreachable(self.base_url, f"the connection broke ({why})", may_have_arrived=True) from None

    async def _attempt(self, request: Request) -> Answer:
        async with self.open(request) as response:
            body = await self._body(response, self._answer_max_bytes)
            return Answer(response.status, response.headers, body)

    async def _body(self, response: ClientResponse, most: int) -> bytes:
        """The body; raises `UnexpectedAnswer` as soon as it is too large, whatever its length was said to be."""
        body = bytearray()
        with self.translated():
            async for chunk in response.content.iter_any():
                body += chunk
                if len(body) > most:
                    response.close()
                    raise UnexpectedAnswer(f"the answer has more than {most:,} bytes")
        return bytes(body)

    async def _failure(self, response: ClientResponse) -> TaskManagerError:
        if response.status < 400:
            return UnexpectedAnswer(f"{self.base_url} answers with status {response.status}: is it a task manager?")
        return failure_of(
            response.status,
            await self._body(response, _PROBLEM_MAX_BYTES),
            request_id=response.headers.get("X-Request-ID"),
            retry_after=retry_after(response.headers.get(hdrs.RETRY_AFTER)),
        )

    def _authorization(self) -> dict[str, str]:
        token = self._token() if callable(self._token) else self._token
        if token is None:
            return {}
        if not token or not token.isascii() or not token.isprintable() or " " in token:
            raise ValueError("the token is empty, or holds spaces or characters that are not ASCII")
        return {hdrs.AUTHORIZATION: f"Bearer {token}"}


def segment(text: str) -> str:
    """A text as one segment of a path; raises `ValueError` for one that would lead elsewhere."""
    if text in {"", ".", ".."}:
        raise ValueError(f"{text!r} names nothing")
    return quote(text, safe="@")


def _body(body: bytes | None) -> bytes | BytesIO | None:
    """The body as aiohttp wants it: a large one piece by piece."""
    return BytesIO(body) if body is not None and len(body) > _LARGE_BYTES else body


def _words(error: OSError) -> str:
    """Why there is no connection; event loops put words of their own in place of the system's."""
    if error.errno is not None and error.errno in errorcode:
        return os.strerror(error.errno)
    return error.strerror or str(error) or type(error).__name__


def _once() -> ClientMiddlewareType:
    """Keeps aiohttp from sending a request again by itself: whoever counts the tries would not know of it."""
    sent = False

    async def send(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        nonlocal sent
        if sent:
            raise aiohttp.ServerDisconnectedError
        sent = True
        return await handler(request)

    return send


def _checked(base_url: str) -> str:
    """The address without /api and what is behind; raises `ValueError`."""
    parts = urlsplit(base_url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment or parts.port == 0:
        raise ValueError(f"{base_url!r} is not the address of a server, such as http://127.0.0.1:3000")
    if "@" in parts.netloc:
        raise ValueError("the address must not hold a user name or password: give a token")
    return base_url.rstrip("/").removesuffix(_API)
