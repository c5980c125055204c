"""A feed over a log in memory, in a time that passes by itself."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping

import pytest

from taskmanager.application.feed.hub import EventHub
from taskmanager.application.feed.ring import Ring
from tests.fakes.event_feed import CountedStreams, RemoteLog, number
from tests.fakes.event_log import InMemoryEventLog
from tests.fakes.virtual_time import VirtualTimeLoop


@pytest.hookimpl
def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Pauses cost nothing here."""
    return {"virtual-time": VirtualTimeLoop}


@pytest.fixture
def log() -> InMemoryEventLog:
    return InMemoryEventLog()


@pytest.fixture
def remote(log: InMemoryEventLog) -> RemoteLog:
    return RemoteLog(log)


@pytest.fixture
def metrics() -> CountedStreams:
    return CountedStreams()


@pytest.fixture
def ring() -> Ring:
    return Ring(number, count_max=10)


@pytest.fixture
async def hub(remote: RemoteLog, metrics: CountedStreams, ring: Ring) -> AsyncIterator[EventHub]:
    hub = EventHub(remote, remote, ring, metrics, listeners_max=3, heartbeat_seconds=15, patience=5)
    yield hub
    await hub.close()
