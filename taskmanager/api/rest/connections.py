"""Connections that wait for no client for ever; aiohttp's own wait for a head, and for an answer to be read."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, NamedTuple, cast

from aiohttp import hdrs, web
from aiohttp.http_exceptions import HttpProcessingError, LineTooLong
from aiohttp.web_protocol import RequestHandler

from taskmanager.api.rest.connection_table import ConnectionTable
from taskmanager.api.rest.problems import problem
from taskmanager.api.rest.response_headers import SECURE

_Finished = tuple[web.StreamResponse, bool]

_LINE_MAX = 8190
_HEADERS_MAX = 64
_HEAD_MAX = 32 * 1024
# What is left of a body that nobody reads is taken in and thrown away up to this size, for the connection's sake.
_LEFTOVER_MAX = 64 * 1024
_LEFTOVER_SECONDS = 2.0
# Closing while data comes in makes the peer's system drop what it has received: it needs time to read the answer.
_LAST_WORDS_SECONDS = 0.5
# Less than that of an answer is no progress.
_PROGRESS_MIN = 64 * 1024
# Such an answer is out of reach of `on_response_prepare`; where no server is named aiohttp tells its own version.
_REFUSAL = {**SECURE, hdrs.CONNECTION: "close", hdrs.SERVER: "taskmanager"}
_TOO_LATE = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
_TOO_LONG = b"HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class Patience(NamedTuple):
    """How long a connection waits for its client, in seconds."""

    head: float = 10.0
    """For the head of a request: for the first one from the connection's start, else from the head's."""
    answer: float = 30.0
    """For the client to read what was sent, or a good piece of it."""
    keepalive: float = 75.0
    """For another request."""


class Connection(RequestHandler):
    """One connection; none of its rules costs anything where requests come whole and answers are read."""

    __slots__ = (
        "_answer_timer",
        "_head_size",
        "_head_timer",
        "_in_hand",
        "_is_over",
        "_patience",
        "_table",
        "_unread",
        "_wire",
        "idle_since",
        "peer",
    )

    def __init__(
        self,
        server: web.Server,
        table: "ConnectionTable[Connection]",
        patience: Patience,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        options: dict[str, Any] = {
            "access_log": None,
            "auto_decompress": False,  # encoded bodies are refused; nothing is to inflate them before
            "keepalive_timeout": patience.keepalive,
            "lingering_time": _LEFTOVER_SECONDS,
            "max_field_size": _LINE_MAX,
            "max_headers": _HEADERS_MAX,
            "max_line_size": _LINE_MAX,
        }
        super().__init__(server, loop=loop, **options)
        self._table = table
        self._patience = patience
        self._wire: asyncio.Transport | None = None
        self._head_size = self._unread = 0
        self._is_over = False
        self._in_hand: web.BaseRequest | None = None
        self._head_timer: asyncio.TimerHandle | None = None
        self._answer_timer: asyncio.TimerHandle | None = None
        self.idle_since = loop.time()
        self.peer = ""

    @property
    def is_idle(self) -> bool:
        """Whether it has no request in hand; one of which the head is not complete does not count."""
        return self._waiter is not None and not self._waiter.done() and not self._messages

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        wire = self._wire = cast(asyncio.Transport, transport)
        self.peer = str((wire.get_extra_info("peername") or ("",))[0])
        if not self._table.admit(self):
            wire.abort()
            return
        super().connection_made(wire)
        self._head_timer = self._loop.call_later(self._patience.head, self._head_is_late)

    def resume_reading(self, resume_parser: bool = True) -> None:
        """See `BaseProtocol.resume_reading`."""
        if not self._is_over:
            super().resume_reading(resume_parser)

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        if self._is_over:
            return
        super().data_received(data)
        if self._messages:
            if self._head_timer is not None:
                self._head_timer.cancel()
                self._head_timer = None
                self._head_size = 0
                self._table.has_asked(self)
            if self._in_hand is not None:
                self._body_is_broken(self._in_hand)
        elif self._waiter is not None and data:
            self._head_grew(len(data))

    def pause_writing(self) -> None:
        """See `asyncio.Protocol`: from here on the client is behind with reading."""
        super().pause_writing()
        self._await_reading()

    def resume_writing(self) -> None:
        """See `asyncio.Protocol`."""
        super().resume_writing()
        self._forget_answer_timer()

    def connection_lost(self, exc: BaseException | None) -> None:
        """See `asyncio.Protocol`."""
        self._table.leave(self)
        if self._head_timer is not None:
            self._head_timer.cancel()
        self._forget_answer_timer()
        super().connection_lost(exc)

    def drop(self) -> None:
        """Ends it at once, whatever it is at."""
        self.force_close()
        if self._wire is not None:
            self._wire.abort()

    async def start(self) -> None:
        """See `RequestHandler.start`; what it leaves unsent gets as long as any answer, and no longer."""
        try:
            await super().start()
        finally:
            self._see_off()

    def _handle_request(
        self,
        request: web.BaseRequest,
        start_time: float | None,
        request_handler: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]],
    ) -> Coroutine[Any, Any, _Finished]:
        """See `RequestHandler._handle_request`; its work begins a little later, and the body may break meanwhile."""
        self._in_hand = request
        if self._messages:
            self._body_is_broken(request)
        return super()._handle_request(request, start_time, request_handler)

    def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> Coroutine[Any, Any, _Finished]:
        """See `RequestHandler.finish_response`."""
        self._in_hand = None
        self.idle_since = self._loop.time()
        if request.content.is_eof():
            return super().finish_response(request, resp, start_time)
        return self._finish_early(request, resp)

    def handle_error(
        self, request: web.BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        """The answer to what is no request of HTTP; says nothing of it to the log, where anybody could fill it."""
        if not isinstance(exc, HttpProcessingError):
            return super().handle_error(request, status, exc, message)
        if request.writer.output_size > 0:
            raise ConnectionError("a part of an answer is sent already")
        if isinstance(exc, LineTooLong):
            response = problem(
                request, 431, f"the request line and each header may have {_LINE_MAX} bytes", headers=_REFUSAL
            )
        else:
            response = problem(request, 400, "this is no request of HTTP/1.1", headers=_REFUSAL)
        response.force_close()
        return response

    async def _finish_early(self, request: web.BaseRequest, resp: web.StreamResponse) -> _Finished:
        """Answers a request whose body is still on its way; nobody is going to read that."""
        length = request.content_length
        is_small = length is not None and length - request.content.total_bytes <= _LEFTOVER_MAX
        if is_small and resp.headers.get(hdrs.CONNECTION) != "close":
            return await super().finish_response(request, resp, None)
        resp.force_close()
        finished = await super().finish_response(request, resp, None)
        self._stop_taking()
        if request.content.exception() is None:
            request.content.read_nowait()  # what came would else wait for the garbage collector, by the megabyte
        if self._wire is not None and self._wire.can_write_eof() and not self._wire.is_closing():
            self._wire.write_eof()
            await asyncio.sleep(_LAST_WORDS_SECONDS)
        return finished

    def _body_is_broken(self, request: web.BaseRequest) -> None:
        """aiohttp queues what it cannot read of a body as if it were another request, and lets the reader wait."""
        if not request.content.is_eof() and request.content.exception() is None:
            request.content.set_exception(web.RequestPayloadError("the body is not framed as HTTP asks"))

    def _stop_taking(self) -> None:
        self._is_over = True
        self._lingering_time = 0.0
        self._pause_transport_reading()

    def _head_grew(self, size: int) -> None:
        self._head_size += size
        if self._head_size > _HEAD_MAX:
            self._end("head_too_long", _TOO_LONG)
        elif self._head_timer is None:
            self._head_timer = self._loop.call_later(self._patience.head, self._head_is_late)

    def _head_is_late(self) -> None:
        self._head_timer = None
        self._end("head_timeout", _TOO_LATE if self._head_size else b"")

    def _await_reading(self) -> None:
        if self._wire is not None:
            self._unread = self._wire.get_write_buffer_size()
            self._answer_timer = self._loop.call_later(self._patience.answer, self._look_at_reading)

    def _look_at_reading(self) -> None:
        """A large answer is written at once, so that only the size of what is left tells of progress."""
        self._answer_timer = None
        before = self._unread
        self._await_reading()
        if before - self._unread < _PROGRESS_MIN:
            self._table.count("answer_unread")
            self.drop()

    def _end(self, reason: str, last_words: bytes) -> None:
        self._table.count(reason)
        if last_words and self.transport is not None:
            self.transport.write(last_words)
        self.force_close()

    def _see_off(self) -> None:
        if self._answer_timer is None and self._wire is not None and self._wire.get_write_buffer_size():
            self._await_reading()

    def _forget_answer_timer(self) -> None:
        if self._answer_timer is not None:
            self._answer_timer.cancel()
            self._answer_timer = None
