"""/api/events on a real database, for callers who say in a header whose events they may see."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from unittest.mock import Mock

import pytest
from aiohttp import ClientSession, ClientTimeout, TCPConnector, web

from taskmanager.api.rest.application import rest_application
from taskmanager.api.rest.routes import Controllers, routes
from taskmanager.application.principal import ANONYMOUS, Permission, Principal, Role
from taskmanager.config.settings import load_settings
from taskmanager.domain.values import UserEmail
from taskmanager.programs.api.feed import EventFeed
from taskmanager.programs.factory import ApplicationFactory
from taskmanager.programs.http_server import HttpServer
from tests.integration.api.feed.writing import Writer
from tests.scratch import ScratchDatabase


class HeaderGate:
    """Binds whoever names a user in `X-User`."""

    async def admit(self, request: web.Request, permission: Permission) -> Principal:
        """See `Gate.admit`."""
        user = request.headers.get("X-User")
        return Principal(f"key:{user}", Role.READER, UserEmail(user)) if user else ANONYMOUS


@pytest.fixture
async def factory(environment: dict[str, str]) -> ApplicationFactory:
    return ApplicationFactory(load_settings(environment), "api-00")


@pytest.fixture
async def feed(factory: ApplicationFactory) -> AsyncIterator[EventFeed]:
    pool = factory.read_pool()
    feed = EventFeed(factory, pool, stall_seconds=2)
    yield feed
    await feed.drain()
    await feed.close()
    await pool.close()


@pytest.fixture
async def events(factory: ApplicationFactory, feed: EventFeed) -> AsyncIterator[ClientSession]:
    """A client of a server that has the feed alone."""
    others = Controllers(*(Mock(name=name) for name in Controllers._fields))
    table = [route for route in routes(others._replace(events=feed.controller)) if route.path == "/api/events"]
    application = rest_application(table, HeaderGate(), Mock(), request_timeout=30)
    app = factory.settings.app
    server = HttpServer(application, app.host, app.port, share_port=False, drain_seconds=5)
    await server.start()
    async with ClientSession(
        f"http://127.0.0.1:{app.port}", connector=TCPConnector(limit=0), timeout=ClientTimeout()
    ) as client:
        yield client
    await feed.drain()
    await server.stop()


@pytest.fixture
def writer(database: ScratchDatabase) -> Iterator[Callable[[], Writer]]:
    """Makes writers, each with a connection of its own."""
    with ExitStack() as connections:
        yield lambda: Writer(connections.enter_context(database.connected("app", autocommit=False)))
