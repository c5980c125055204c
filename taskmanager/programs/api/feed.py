"""Composes what answers /api/events."""

from taskmanager.api.rest.event_streams import STALL_SECONDS, EventStreams
from taskmanager.api.rest.events import EventController
from taskmanager.api.rest.sse import frame
from taskmanager.application.feed.hub import EventHub
from taskmanager.application.feed.ring import Ring
from taskmanager.application.use_cases.read_events import ReadEvents
from taskmanager.infrastructure.metrics.streams import StreamMetrics
from taskmanager.infrastructure.postgres.event_feed import PostgresFeedStore
from taskmanager.infrastructure.postgres.event_log import PostgresEventLog
from taskmanager.infrastructure.postgres.pool import Reads
from taskmanager.programs.factory import ApplicationFactory

# A page comes by the index, whatever the statistics say of a log that grows faster than they are gathered.
_BY_INDEX = "-c enable_sort=off"
_FOLLOWED_BYTES = 4 << 20
# As much as a listener gets at once of what it missed.
_MISSED_BYTES = 64 << 10


class EventFeed:
    """The controller with the session on which the log is followed while somebody listens."""

    def __init__(self, factory: ApplicationFactory, pool: Reads, *, stall_seconds: float = STALL_SECONDS) -> None:
        self._session = factory.session(f"{factory.slot} events", options=_BY_INDEX)
        hub = EventHub(
            PostgresEventLog(self._session, page_bytes=_FOLLOWED_BYTES),
            PostgresFeedStore(pool, page_bytes=_MISSED_BYTES),
            Ring(frame),
            StreamMetrics(factory.registry),
            listeners_max=factory.settings.rest.event_stream_listeners,
        )
        self._streams = EventStreams(hub, stall_seconds=stall_seconds)
        self.controller = EventController(ReadEvents(PostgresFeedStore(pool)), self._streams)

    async def drain(self) -> None:
        """Ends the streams, which else would last as long as the server waits for requests in hand."""
        await self._streams.close()

    async def close(self) -> None:
        """Leaves the database; to be called when no request is left."""
        await self._session.close()
