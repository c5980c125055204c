"""The live stream of events, held across whatever happens to its connection."""

from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from time import monotonic
from typing import Self

import msgspec
from aiohttp import ClientResponse, ClientTimeout, hdrs

from taskmanager.client.errors import RequestFailed, TaskManagerError, UnexpectedAnswer, Unreachable
from taskmanager.client.models import Event
from taskmanager.client.retrying import Told, is_passing
from taskmanager.client.sse import Block, BlockParser
from taskmanager.client.transport import Request, Transport

# The server gives a sign of life every 15 seconds.
SILENCE_SECONDS = 45.0
_CONNECT_SECONDS = 10.0
_DIGITS_MAX = 18
_CONTENT_TYPE = "text/event-stream"


class EventStream(AsyncIterator[Event]):
    """Every event behind a position once and in order; to be used as `async with`, which returns when it listens.

    Without `after` it begins with what happens from then on. A connection that breaks, ends, or is silent for longer
    than `silence` seconds is made anew, and goes on behind the last event; `interrupted` hears of each pause and its
    cause. Where that is in vain for `patience` seconds (None: for ever), or the server refuses, it raises a
    `TaskManagerError`.
    """

    def __init__(
        self,
        transport: Transport,
        query: Sequence[tuple[str, str]],
        after: int | None,
        *,
        silence: float = SILENCE_SECONDS,
        patience: float | None = None,
        interrupted: Told | None = None,
    ) -> None:
        self._transport = transport
        self._query = query
        self._heard = after
        self._timeout = ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS, sock_read=silence)
        self._patience = patience
        self._interrupted = interrupted
        self._connection = AsyncExitStack()
        self._response: ClientResponse | None = None
        self._parser = BlockParser()
        self._ready: deque[Event] = deque()
        self._retry_seconds = 0.0
        self._decoder = msgspec.json.Decoder(Event)

    @property
    def position(self) -> int | None:
        """Where another stream would go on: behind the last event that was handed out. None before it listens."""
        return self._ready[0].sequence - 1 if self._ready else self._heard

    async def __aenter__(self) -> Self:
        try:
            await self._transport.retrying(self._connect, is_repeatable=True)
        except BaseException:
            await self._connection.aclose()
            raise
        return self

    async def __aexit__(self, *_exception: object) -> None:
        self._response = None
        await self._connection.aclose()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        while not self._ready:
            if self._response is None:
                raise RuntimeError("the stream is not open: use it as `async with client.stream() as events`")
            try:
                await self._read(self._response)
            except TaskManagerError as error:
                if not is_passing(error):
                    raise
                await self._reconnect(error)
        return self._ready.popleft()

    async def _connect(self) -> None:
        """Listens; returns with the first words of the server, which say where the stream begins."""
        await self._connection.aclose()
        self._parser = BlockParser()
        position = {} if self._heard is None else {"Last-Event-ID": str(self._heard)}
        headers = {hdrs.ACCEPT: _CONTENT_TYPE, **position}
        request = Request("GET", "/events", self._query, headers=headers, accepts=frozenset({200}))
        response = await self._connection.enter_async_context(self._transport.open(request, self._timeout))
        if response.content_type != _CONTENT_TYPE:
            raise UnexpectedAnswer(f"{self._transport.base_url} answers with {response.content_type} and no stream")
        while not await self._read(response):
            pass
        self._response = response

    async def _read(self, response: ClientResponse) -> bool:
        """Takes in what comes next; whether that was at least one block. The end of the stream is `Unreachable`."""
        with self._transport.translated():
            chunk = await response.content.readany()
        if not chunk:
            raise Unreachable(self._transport.base_url, "the stream has ended", may_have_arrived=True)
        told = False
        for block in self._parser.feed(chunk):
            told = True
            self._take(block)
        return told

    def _take(self, block: Block) -> None:
        if block.retry_seconds is not None:
            self._retry_seconds = block.retry_seconds
        if block.data is not None:
            try:
                event = self._decoder.decode(block.data)
            except msgspec.DecodeError as error:
                raise UnexpectedAnswer(f"the stream holds what is no event: {error}") from None
            # What a proxy, or a server that starts again, tells twice.
            if self._heard is None or event.sequence > self._heard:
                self._ready.append(event)
                self._heard = event.sequence
        if block.id.isascii() and block.id.isdigit() and len(block.id) <= _DIGITS_MAX:
            self._heard = max(int(block.id), self._heard or 0)

    async def _reconnect(self, error: TaskManagerError) -> None:
        """Connects again, however often that takes; the first time after the pause that the server wishes."""
        retrying, failures, since = self._transport.retrying, 0, monotonic()
        while True:
            failures += 1
            asked = error.retry_after if isinstance(error, RequestFailed) else None
            wish = self._retry_seconds if failures == 1 and asked is None else asked
            pause = retrying.policy.pause(failures, wish and min(wish, retrying.policy.longest_wait))
            if self._patience is not None and monotonic() - since + pause > self._patience:
                raise error
            if self._interrupted is not None:
                self._interrupted(error, pause)
            await retrying.sleep(pause)
            try:
                return await self._connect()
            except TaskManagerError as again:
                if not is_passing(again):
                    raise
                error = again
