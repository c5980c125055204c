"""Listens for an aiohttp application."""

import asyncio

from aiohttp import web


class HttpServer:
    """One listening socket; with `share_port` several processes may listen on the same port (SO_REUSEPORT).

    Stopping lets requests in hand finish for up to `drain_seconds`.
    """

    def __init__(
        self, application: web.Application, host: str, port: int, *, share_port: bool, drain_seconds: float
    ) -> None:
        self._runner = web.AppRunner(application, access_log=None, handle_signals=False, shutdown_timeout=drain_seconds)
        self._host = host
        self._port = port
        self._share_port = share_port
        self._stopped = asyncio.Event()

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Where it listens, (host, port); empty before the start."""
        return [address[:2] for address in self._runner.addresses]

    async def start(self) -> None:
        """Binds and listens; raises `OSError` that names the address if it is taken."""
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self._port, reuse_port=self._share_port or None)
        await site.start()

    async def wait(self) -> None:
        """Returns once it was stopped."""
        await self._stopped.wait()

    async def stop(self) -> None:
        """Stops listening and drains; again does nothing."""
        await self._runner.cleanup()
        self._stopped.set()
