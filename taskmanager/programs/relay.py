"""The relay: tells the world what has happened, in order, from the database to Kafka."""

import asyncio
import gc
import sys
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any

import click

from taskmanager.api.kafka.letters import encode_letter
from taskmanager.api.kafka.outbound import EventEncoder
from taskmanager.api.kafka.spans import chunk_span
from taskmanager.application.chunks import ChunkSource
from taskmanager.application.event_log import HighWaterReader
from taskmanager.application.office import Office
from taskmanager.application.outbound import Outbound
from taskmanager.application.task_states import TaskStates
from taskmanager.application.use_cases.lead_relay import LeadRelay
from taskmanager.application.use_cases.relay_dead_letters import RelayDeadLetters
from taskmanager.application.use_cases.relay_events import RelayEvents
from taskmanager.application.use_cases.show_backlog import show_backlog
from taskmanager.infrastructure.kafka.letter_producer import LetterProducer
from taskmanager.infrastructure.kafka.producer import TransactionalProducer
from taskmanager.infrastructure.metrics.relay import RelayMetrics
from taskmanager.infrastructure.postgres.event_log import PostgresEventLog, decode
from taskmanager.infrastructure.postgres.leadership import PostgresLeadership
from taskmanager.infrastructure.postgres.relay import PostgresRelayStore
from taskmanager.infrastructure.resilience.protected_leaders import ProtectedLeadership, ProtectedPublisher
from taskmanager.programs.factory import ApplicationFactory
from taskmanager.programs.launch import launch
from taskmanager.server import ExitCode

_NAME = "relay"
# How long the chunk in hand may take at the end; what is given up then is published again by the next relay.
_FINISH_SECONDS = 5.0
_LEASE_SECONDS = 2.0
# Smaller than a chunk: a page is encoded while it is in the processor's cache, and the next one read meanwhile.
_PAGE = 1000
# A page comes by the index, whatever the statistics say of a log that grows faster than they are gathered.
_BY_INDEX = "-c enable_sort=off"
_GC_OBJECTS = 200_000
_SWITCH_SECONDS = 0.0005


class RelayApplication:
    """Composes and runs one relay; any number may run, one of them leads."""

    def __init__(self, factory: ApplicationFactory) -> None:
        factory.share_metrics()
        self._settings = factory.settings
        kafka, pulse = self._settings.kafka, factory.pulse()
        self._stopping = asyncio.Event()
        self._working: asyncio.Task[None] | None = None
        self._metrics = RelayMetrics(factory.registry)
        self._office_session = factory.session("relay-lock")
        self._session_of_readers = factory.session(_NAME, options=_BY_INDEX, beat=pulse.beat)
        # Letters wait for locks of people: the events must not.
        self._session_of_letters = factory.session("relay-letters")
        self._log = PostgresEventLog(self._session_of_readers)
        self._store = PostgresRelayStore(self._session_of_readers, _NAME)
        self._outbox = PostgresRelayStore(self._session_of_letters, _NAME)
        properties = kafka.client_properties(factory.slot)
        self._producer = ProtectedPublisher(
            TransactionalProducer(properties, kafka.task_events_topic, self._transactional_id, beat=pulse.beat),
            factory.breakers.kafka,
        )
        self._letters = LetterProducer(properties)
        self._pulse = pulse
        self._lead = LeadRelay(
            ProtectedLeadership(
                PostgresLeadership(self._office_session, _NAME, lease=_LEASE_SECONDS), factory.breakers.database
            ),
            self._producer,
            self._begin_term,
            self._metrics,
            stopping=self._stopping,
            beat=pulse.beat,
        )

    async def start(self) -> None:
        """Begins to work; Kafka and PostgreSQL need not be there yet."""
        self._working = asyncio.create_task(self._lead.run())

    async def wait(self) -> None:
        """Returns when the work was stopped; raises what no retry can mend."""
        if self._working is not None:
            await asyncio.wait([self._working])
            if not self._working.cancelled():  # by `stop`, because it took too long
                await self._working

    async def stop(self) -> None:
        """Publishes the chunk in hand, then leaves Kafka and PostgreSQL."""
        self._stopping.set()
        if self._working is not None:
            _, late = await asyncio.wait([self._working], timeout=_FINISH_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.wait([self._working])  # how it ended is told by `wait`
        await self._session_of_readers.close()
        await self._session_of_letters.close()
        await self._office_session.close()

    async def health(self) -> Mapping[str, str]:
        """Whether it leads or stands by, or why it does neither."""
        return {"relay": self._lead.problem or "ok"}

    def _begin_term(self, office: Office) -> Sequence[Coroutine[Any, Any, None]]:
        kafka, term = self._settings.kafka, office.term
        limit = self._producer.message_max_bytes
        encode = EventEncoder(
            topic=kafka.task_events_topic,
            own_name=self._settings.app.name,
            limit=limit,
            reduced=self._metrics.reduced,
        )
        reader = HighWaterReader(self._log, term.position, limit=_PAGE)
        events = RelayEvents(
            ChunkSource(reader, TaskStates(self._store, decode), encode),
            self._publish,
            office.reached,
            self._metrics,
            position=term.position,
            stopping=self._stopping,
            beat=self._pulse.beat,
        )
        letters = RelayDeadLetters(
            self._outbox,
            self._letters,
            encode_letter,
            kafka.dead_letter_topic,
            self._metrics,
            epoch=term.epoch,
            stopping=self._stopping,
        )
        backlog = show_backlog(self._outbox, lambda: office.position, self._metrics, self._stopping)
        return [events.run(), letters.run(), backlog]

    async def _publish(self, messages: Sequence[Outbound]) -> None:
        with chunk_span(messages):
            await self._producer.publish(messages)

    @property
    def _transactional_id(self) -> str:
        """The same for every relay of this installation, and for none of another one."""
        kafka = self._settings.kafka
        return f"{kafka.client_id}-relay-{self._settings.database.db}-{kafka.task_events_topic}"


@click.command(name="relay")
def command() -> ExitCode:
    """Publish events and dead letters from the database to Kafka.

    Every event goes to TASK_EVENTS_TOPIC in order per task, at least once; every dead letter to the topic of its source
    with DLQ_SUFFIX. Start it once per container: one relay leads, and another takes over within seconds of its end.

    \b
    Examples:
      taskmanager relay
      TASK_EVENTS_TOPIC=task-events taskmanager relay   # a topic of their own instead of TASK_STATUS_TOPIC
    """
    # The objects of a chunk die by their reference counts: the collector would walk over them in vain. The threads that
    # talk to Kafka and PostgreSQL need the interpreter for moments only, but must not wait for them.
    gc.freeze()
    gc.set_threshold(_GC_OBJECTS)
    sys.setswitchinterval(_SWITCH_SECONDS)
    return launch("relay", lambda settings: RelayApplication(ApplicationFactory(settings, _NAME)), slot=_NAME)
