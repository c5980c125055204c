"""The consumer's loop: fetch ahead, decode while the batch before is being written, write, go on."""

import asyncio
import gc
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from time import monotonic
from typing import Any, Protocol

import structlog

from taskmanager.api.kafka.codec import Codec
from taskmanager.api.kafka.spans import batch_span
from taskmanager.application.batch import Batch
from taskmanager.application.commands import Command, InboundMessage, Partition
from taskmanager.application.ports import Fenced, StoreError
from taskmanager.application.use_cases.ingest_batch import Ingested, Prepared

log = structlog.get_logger(__name__)

_FENCED_PAUSE_SECONDS = (0.2, 1.0)
_PROGRESS_SECONDS = 1.0
_SWEEP_SECONDS = 1.0
_DECODE_STRETCH = 100


class MessageSource(Protocol):
    """Where messages come from; see `PinnedConsumer`."""

    async def assign(self, offsets: Mapping[Partition, int]) -> None: ...
    async def fetch(self) -> Sequence[Any]: ...
    def read(self, fetched: Any) -> InboundMessage: ...
    def publish_progress(self, offsets: Mapping[Partition, int]) -> None: ...


class LoopMetrics(Protocol):
    """What the loop tells of itself, once a batch."""

    def batch_committed(self, ingested: Ingested, messages: int, seconds: float) -> None: ...
    def fenced(self) -> None: ...
    def swept(self, applied: int) -> None: ...
    def ignored(self, unknown_keys: int, bad_traces: int) -> None: ...


Prepare = Callable[[Batch], Prepared]
Write = Callable[[Prepared], Awaitable[Ingested]]
Sweep = Callable[[], Awaitable[int]]
ReadOffsets = Callable[[], Awaitable[Mapping[Partition, int]]]


class ConsumerLoop:
    """Carries messages from the source to the use case until `stop` is asked for, then finishes the batch in hand.

    `read_offsets` answers the stored offsets of the partitions that this process owns; it is asked at the start, and
    again whenever a batch was fenced off. `write` retries by itself what can be retried.
    """

    def __init__(
        self,
        source: MessageSource,
        codec: Codec,
        prepare: Prepare,
        write: Write,
        sweep: Sweep,
        read_offsets: ReadOffsets,
        topic_ids: Mapping[str, str],
        metrics: LoopMetrics,
    ) -> None:
        self._source = source
        self._codec = codec
        self._prepare = prepare
        self._write = write
        self._sweep = sweep
        self._read_offsets = read_offsets
        self._topic_ids = topic_ids
        self._metrics = metrics
        self._stopping = False
        self._positions: dict[Partition, int] = {}
        self._written: dict[Partition, int] = {}
        self._published = self._swept = 0.0

    def stop(self) -> None:
        """Asks the loop to end after the batch in hand."""
        self._stopping = True

    async def run(self) -> None:
        """Works until stopped; raises what cannot be retried."""
        await self._begin()
        while not self._stopping:
            try:
                await self._work()
            except Fenced:
                self._metrics.fenced()
                gc.collect()  # the batches that are void are large, and their failure's traceback may hold them
                log.warning("fenced: another owner has moved a partition; reading on from the stored offsets")
                await asyncio.sleep(random.uniform(*_FENCED_PAUSE_SECONDS))  # noqa: S311 - jitter, not a secret
                await self._begin()

    async def _begin(self) -> None:
        self._positions = dict(await self._read_offsets())
        self._written = {}
        await self._source.assign(self._positions)

    async def _work(self) -> None:
        """Keeps one fetch and one write under way; prepares a batch while the one before it is being written."""
        fetching = asyncio.create_task(self._source.fetch())
        writing: asyncio.Task[None] | None = None
        try:
            while not self._stopping:
                fetched = await fetching
                fetching = asyncio.create_task(self._source.fetch())
                batch = self._prepare(await self._decode(fetched)) if fetched else None
                if writing is not None:
                    done, writing = writing, None
                    await done
                if batch is not None:
                    writing = asyncio.create_task(self._write_and_maintain(batch))
                else:
                    await self._maintain()
        finally:
            # A fetch is never cancelled; what it brings is dropped here and read again from the stored offsets.
            outcomes = await asyncio.gather(fetching, *([writing] if writing else []), return_exceptions=True)
        failure = next((outcome for outcome in outcomes if isinstance(outcome, BaseException)), None)
        if failure is not None:
            raise failure

    async def _decode(self, fetched: Sequence[Any]) -> Batch:
        read, decode = self._source.read, self._codec.decode
        messages: list[InboundMessage] = []
        commands: list[Command] = []
        for low in range(0, len(fetched), _DECODE_STRETCH):
            stretch = [read(message) for message in fetched[low : low + _DECODE_STRETCH]]
            messages += stretch
            commands += [decode(message) for message in stretch]
            # The write of the batch before goes on meanwhile: its answers must not wait for all of this.
            await asyncio.sleep(0)
        batch = Batch(messages, commands, self._positions, self._topic_ids)
        self._positions |= batch.ends
        return batch

    async def _write_and_maintain(self, prepared: Prepared) -> None:
        began = monotonic()
        with batch_span(prepared.batch):
            ingested = await self._write(prepared)
        self._metrics.batch_committed(ingested, len(prepared.batch), monotonic() - began)
        self._written.update({partition: moved.next_offset for partition, moved in ingested.progress.items()})
        await self._maintain()

    async def _maintain(self) -> None:
        """What is due every second, between two batches."""
        now = monotonic()
        if self._written and now - self._published >= _PROGRESS_SECONDS:
            self._published = now
            written, self._written = self._written, {}
            self._source.publish_progress(written)
            self._metrics.ignored(self._codec.unknown_keys, self._codec.bad_traces)
            self._codec.unknown_keys = self._codec.bad_traces = 0
        if now - self._swept >= _SWEEP_SECONDS:
            self._swept = now
            try:
                self._metrics.swept(await self._sweep())
            except StoreError as error:
                log.warning("sweep of parked reports failed; it will be tried again", error=str(error))
