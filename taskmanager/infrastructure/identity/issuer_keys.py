"""Keeps the keys of an issuer at hand, and the last good ones while it is away."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import structlog
from jwt import PyJWK

from taskmanager.application.access import AccessUnavailable
from taskmanager.infrastructure.identity.endpoint import FetchError
from taskmanager.infrastructure.identity.key_set import Keys

_log = structlog.get_logger(__name__)

_REFRESH_SECONDS = 300.0
_RETRY_SECONDS = 15.0
# Anybody can make up an id of a key: the provider must not be asked for each of them.
_PAUSE_SECONDS = 5.0


class IssuerKeys:
    """Keys that `fetch` gets and `read` understands, looked for again every `refresh_seconds` and for unknown ids.

    `fetch` raises `FetchError`, `read` `ValueError`. After a failure the keys of before stay, and the next try comes
    after `retry_seconds`.
    """

    def __init__(
        self,
        fetch: Callable[[], Awaitable[bytes]],
        read: Callable[[bytes], Keys],
        *,
        refresh_seconds: float = _REFRESH_SECONDS,
        retry_seconds: float = _RETRY_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fetch = fetch
        self._read = read
        self._refresh_seconds = refresh_seconds
        self._retry_seconds = retry_seconds
        self._clock = clock
        self._keys: Keys = {}
        self._is_current = False
        self._not_before = clock()
        self._refreshing: asyncio.Task[None] | None = None

    async def find(self, key_id: str, algorithm: str) -> PyJWK | None:
        """The key, None if the issuer has no such; raises `AccessUnavailable` where that cannot be known."""
        wanted = (key_id, algorithm)
        if wanted not in self._keys:
            await asyncio.shield(self._look_again())
        key = self._keys.get(wanted)
        if key is None and not self._is_current:
            raise AccessUnavailable("the keys of the issuer of tokens cannot be had")
        return key

    async def run(self, stopped: asyncio.Event) -> None:
        """Keeps the keys fresh until `stopped`."""
        stop = asyncio.create_task(stopped.wait())
        while not stop.done():
            self._not_before = self._clock()
            refreshing = self._look_again()
            await asyncio.wait({refreshing, stop}, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait({stop}, timeout=self._refresh_seconds if self._is_current else self._retry_seconds)
        if self._refreshing is not None:
            self._refreshing.cancel()
            await asyncio.wait({self._refreshing})

    def _look_again(self) -> asyncio.Task[None]:
        """Asks the issuer, together with whoever else wants that now, unless it was asked just before."""
        if self._refreshing is None or (self._refreshing.done() and self._clock() >= self._not_before):
            self._not_before = self._clock() + _PAUSE_SECONDS
            # A task of its own: the client whose token was the first with a new key may go away.
            self._refreshing = asyncio.create_task(self._refresh(), name="issuer-keys")
        return self._refreshing

    async def _refresh(self) -> None:
        try:
            keys = self._read(await self._fetch())
        except (FetchError, ValueError) as error:
            self._is_current = False
            _log.warning("keys of the issuer of tokens not to be had", error=str(error), kept=len(self._keys))
            return
        if keys.keys() != self._keys.keys():
            _log.info("keys of the issuer of tokens", keys=sorted({key_id for key_id, _ in keys}))
        self._keys, self._is_current = keys, True
