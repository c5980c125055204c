"""One consumer: reads its partitions of both topics and gives every message its one effect."""

import asyncio
import gc
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import ParamSpec, TypeVar

import click

from taskmanager.api.kafka.assignment import Assignment
from taskmanager.api.kafka.codec import Codec
from taskmanager.api.kafka.loop import ConsumerLoop
from taskmanager.api.kafka.ownership import Ownership, PinnedOwnership
from taskmanager.api.kafka.stopped import StoppedPartitions
from taskmanager.api.kafka.topic_watch import TopicWatch
from taskmanager.application.commands import Partition
from taskmanager.application.ports import NO_ROOM, StoreUnavailable
from taskmanager.application.use_cases.apply_parked import ApplyParked
from taskmanager.application.use_cases.ingest_batch import IngestBatch, Ingested, Prepared
from taskmanager.application.use_cases.make_room import MakeRoom
from taskmanager.infrastructure.kafka.consumer import PinnedConsumer
from taskmanager.infrastructure.kafka.fetching import FetchingConsumer
from taskmanager.infrastructure.kafka.group_consumer import GroupConsumer
from taskmanager.infrastructure.kafka.topics import TopicsUnavailable
from taskmanager.infrastructure.metrics.instruments import ConsumerMetrics
from taskmanager.infrastructure.postgres.offset_store import PostgresOffsetStore
from taskmanager.infrastructure.postgres.task_store import PostgresTaskStore
from taskmanager.infrastructure.resilience.protected import (
    ProtectedEventLog,
    ProtectedOffsetStore,
    ProtectedTaskStore,
)
from taskmanager.infrastructure.resilience.retry import RetryUnavailable, Stopped
from taskmanager.programs.clock import SystemClock
from taskmanager.programs.factory import ApplicationFactory
from taskmanager.programs.launch import launch
from taskmanager.server import ExitCode

_Arguments = ParamSpec("_Arguments")
_Answer = TypeVar("_Answer")

_LONGEST_PAUSE_SECONDS = 3.0
_SWITCH_SECONDS = 0.0005
_GC_OBJECTS = 200_000


class ConsumerApplication:
    """Composes and runs the loop of one slot of this container."""

    def __init__(self, factory: ApplicationFactory, slot: int) -> None:
        settings = factory.settings
        factory.share_metrics()
        self._settings = settings
        self._writer = factory.writer
        self._stopping = False
        self._working: asyncio.Task[None] | None = None
        self._loop: ConsumerLoop | None = None
        self._metrics = ConsumerMetrics()
        self._pulse = factory.pulse()
        self._session = factory.session(beat=self._pulse.beat)
        self._breaker = factory.breakers.database
        self._topics = factory.kafka_probe()
        self._source, ownership = _source(factory, slot)
        offsets = ProtectedOffsetStore(PostgresOffsetStore(self._session), self._breaker)
        self._assignment = Assignment(
            self._topics.describe,
            self._topics.describe_existing,
            self._topics.watermarks_of,
            offsets,
            ownership,
            StoppedPartitions(offsets.read, self._metrics.partitions_stopped),
            TopicWatch(self._topics.glance),
        )

    async def start(self) -> None:
        """Begins to work; Kafka and PostgreSQL need not be there yet."""
        self._working = asyncio.create_task(self._work())

    async def wait(self) -> None:
        """Returns when the work was stopped; raises what no retry can mend."""
        if self._working is not None:
            await asyncio.shield(self._working)

    async def stop(self) -> None:
        """Finishes the batch in hand, then leaves Kafka and PostgreSQL."""
        self._stopping = True
        if self._loop is not None:
            self._loop.stop()
        if self._working is not None:
            await asyncio.wait([self._working])  # how it ended is told by `wait`
        await self._assignment.close()
        await self._source.close()
        await self._topics.close()
        await self._session.close()

    async def _work(self) -> None:
        self._loop = self._compose()
        with suppress(Stopped):
            await self._loop.run()

    def _compose(self) -> ConsumerLoop:
        app, kafka = self._settings.app, self._settings.kafka
        store = PostgresTaskStore(self._session, self._writer, stopping=self._is_stopping)
        clock = SystemClock()
        codec = Codec(
            request_topic=kafka.web_crawl_request_topic,
            topic_ids=self._assignment.topic_ids,
            own_name=app.name,
            allow_private_urls=app.allow_private_urls,
            result_max_bytes=app.result_max_bytes,
        )
        protected = ProtectedTaskStore(store, self._breaker)
        ingest, apply_parked = IngestBatch(protected, clock), ApplyParked(protected, clock)
        make_room = MakeRoom(ProtectedEventLog(store, self._breaker), clock)

        async def begin() -> Mapping[Partition, int]:
            await make_room.try_to()
            return await self._assignment.read_offsets()

        async def write(prepared: Prepared) -> Ingested:
            try:
                return await ingest.write(prepared)
            except StoreUnavailable as error:
                if error.kind == NO_ROOM:
                    await store.make_room()
                raise

        async def sweep(written: Mapping[Partition, int]) -> int:
            await self._assignment.review(written)
            applied = await apply_parked()
            await make_room.try_to()
            return applied

        return ConsumerLoop(
            self._source,
            codec,
            ingest.prepare,
            self._retrying(write, self._settings.database.retry_backoff),
            sweep,
            self._retrying(begin, kafka.retry_backoff),
            self._assignment.has_changed,
            self._assignment.topic_ids,
            self._metrics,
            self._pulse,
        )

    def _retrying(
        self, inner: Callable[_Arguments, Awaitable[_Answer]], first_pause: float
    ) -> RetryUnavailable[_Arguments, _Answer]:
        return RetryUnavailable(
            inner,
            on=(StoreUnavailable, TopicsUnavailable),
            stopping=self._is_stopping,
            retried=self._metrics.retried,
            first_pause=first_pause,
            # The write path is to go on soon after an outage: no pause is longer than the breaker's.
            longest_pause=min(self._settings.database.breaker_pause, _LONGEST_PAUSE_SECONDS),
        )

    def _is_stopping(self) -> bool:
        """Asked before every attempt at anything that is tried again and again, which is a sign of life too."""
        self._pulse.beat()
        return self._stopping


def _source(factory: ApplicationFactory, slot: int) -> tuple[FetchingConsumer, Ownership]:
    """Who reads, and who says which partitions: arithmetic, or the group that the reader is a member of."""
    app, kafka = factory.settings.app, factory.settings.kafka
    properties = kafka.client_properties(factory.slot) | {"group.id": kafka.group_id}
    limits = {"batch_size": app.consumer_batch_size, "batch_bytes": app.consumer_batch_bytes}
    if app.consumer_assignment == "group":
        member = GroupConsumer(properties, kafka.source_topics, **limits)
        return member, member
    ownership = PinnedOwnership(slot, app.pod_ordinal, app.consumer_replicas, factory.consumer_count().read)
    return PinnedConsumer(properties, **limits), ownership


def _tune_interpreter() -> None:
    """Fits CPython to batches of tens of thousands of short-lived objects; half of the throughput depends on it."""
    # A batch's objects die by their reference counts; with the default of 700 the collector walks over them, in vain,
    # dozens of times before they do.
    gc.freeze()
    gc.set_threshold(_GC_OBJECTS)
    # The threads that talk to Kafka and PostgreSQL need the interpreter for moments only, but must not wait for them.
    sys.setswitchinterval(_SWITCH_SECONDS)


@click.command(name="consumer")
@click.option(
    "--slot", type=click.IntRange(min=0), default=0, help="Number of this process, from 0.", show_default=True
)
def command(slot: int) -> ExitCode:
    """Take requests and reports from Kafka into the database.

    Process SLOT of CONSUMER_PROCESSES (or of as many as bin/scale asked for) reads its share of the partitions of both
    topics; with CONSUMER_ASSIGNMENT=group Kafka hands them out. Start each slot once; a second process of the same slot
    does no harm, it only wastes work. A slot beyond the number waits until it is wanted.
    """
    _tune_interpreter()
    name = f"consumer-{slot:02d}"
    return launch("consumer", lambda settings: ConsumerApplication(ApplicationFactory(settings, name), slot), slot=name)
