"""The consumer's loop: fetch ahead, decode while the batch before is being written, write, go on."""

import asyncio
import gc
import random
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from time import monotonic
from typing import Any, Protocol

import structlog

from taskmanager.api.kafka.codec import Codec
from taskmanager.api.kafka.spans import batch_span
from taskmanager.application.batch import Batch
from taskmanager.application.commands import Command, InboundMessage, Partition, Skip
from taskmanager.application.ports import Fenced, Pulse, StoreError
from taskmanager.application.use_cases.ingest_batch import Ingested, Prepared

log = structlog.get_logger(__name__)

_PAUSE_SECONDS = (0.2, 1.0)
_PROGRESS_SECONDS = 1.0
# Behind the last message of a partition may lie markers of transactions: with no further message to carry their offsets
# along, they are written by themselves, but not after every transaction that somebody else commits.
_REACHED_SECONDS = 1.0
_SWEEP_SECONDS = 1.0
_DECODE_STRETCH = 100


class Fetched(Protocol):
    """What a fetch brings; see `FetchingConsumer`."""

    @property
    def messages(self) -> Sequence[Any]: ...
    @property
    def reached(self) -> Mapping[Partition, int]: ...
    @property
    def lost(self) -> Collection[Partition]: ...


class MessageSource(Protocol):
    """Where messages come from; see `FetchingConsumer`."""

    async def assign(self, offsets: Mapping[Partition, int]) -> None: ...
    async def fetch(self) -> Fetched: ...
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
# Hears where each partition stands by what this process has written; may raise `Fenced`.
Sweep = Callable[[Mapping[Partition, int]], Awaitable[int]]
ReadOffsets = Callable[[], Awaitable[Mapping[Partition, int]]]


class PartitionsLost(Exception):  # noqa: N818
    """The source cannot read partitions on; the stored offsets will tell why."""


class ConsumerLoop:
    """Carries messages from the source to the use case until `stop` is asked for, then finishes the batch in hand.

    `read_offsets` answers the stored offsets of the partitions that this process is to read; it is asked at the start,
    and again when `has_changed` says so (after the batch in hand), a batch was fenced off, or the source has lost a
    partition. `write` and `read_offsets` retry by themselves what can be retried.
    """

    def __init__(
        self,
        source: MessageSource,
        codec: Codec,
        prepare: Prepare,
        write: Write,
        sweep: Sweep,
        read_offsets: ReadOffsets,
        has_changed: Callable[[], bool],
        topic_ids: Mapping[str, str],
        metrics: LoopMetrics,
        pulse: Pulse,
    ) -> None:
        self._source = source
        self._codec = codec
        self._prepare = prepare
        self._write = write
        self._sweep = sweep
        self._read_offsets = read_offsets
        self._has_changed = has_changed
        self._topic_ids = topic_ids
        self._metrics = metrics
        self._pulse = pulse
        self._stopping = False
        self._positions: dict[Partition, int] = {}
        self._reached: dict[Partition, int] = {}
        self._reached_since = 0.0
        self._written: dict[Partition, int] = {}
        self._stored: dict[Partition, int] = {}
        self._published = self._swept = 0.0

    def stop(self) -> None:
        """Asks the loop to end after the batch in hand."""
        self._stopping = True

    async def run(self) -> None:
        """Works until stopped; raises what cannot be retried."""
        while not self._stopping:
            await self._begin()
            try:
                await self._work()
            except Fenced:
                self._metrics.fenced()
                log.warning("fenced: another owner has moved a partition; reading on from the stored offsets")
                await self._recover()
            except PartitionsLost as lost:
                log.warning("partitions_lost", partitions=str(lost))
                await self._recover()

    async def _recover(self) -> None:
        gc.collect()  # the batches that are void are large, and their failure's traceback may hold them
        await asyncio.sleep(random.uniform(*_PAUSE_SECONDS))  # noqa: S311 - jitter, not a secret

    async def _begin(self) -> None:
        self._positions = dict(await self._read_offsets())
        self._reached = {}
        # Whoever had a partition before may not have come to publish where it left off.
        self._written = dict(self._positions)
        self._stored = dict(self._positions)
        await self._source.assign(self._positions)
        self._pulse.beat()

    async def _work(self) -> None:
        """Keeps one fetch and one write under way; prepares a batch while the one before it is being written."""
        fetching = asyncio.create_task(self._source.fetch())
        writing: asyncio.Task[None] | None = None
        lost: Collection[Partition] = ()
        try:
            while not self._stopping and not self._has_changed():
                fetched = await fetching
                self._pulse.beat()
                if lost := fetched.lost:
                    break
                fetching = asyncio.create_task(self._source.fetch())
                self._note_reached(fetched.reached)
                messages, commands = await self._decode(fetched.messages)
                has_work = messages or self._is_offset_due()
                batch = self._prepare(self._batch(messages, commands)) if has_work else None
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
        if lost:
            raise PartitionsLost(", ".join(f"{topic}/{number}" for topic, number in sorted(lost)))

    def _note_reached(self, reached: Mapping[Partition, int]) -> None:
        if reached and not self._reached:
            self._reached_since = monotonic()
        for at, end in reached.items():
            if at in self._positions:
                self._reached[at] = max(end, self._reached.get(at, 0))

    def _is_offset_due(self) -> bool:
        if not self._reached or monotonic() - self._reached_since < _REACHED_SECONDS:
            return False
        # At the end of messages that are on their way already there is nothing left to write.
        self._reached = {at: end for at, end in self._reached.items() if end > self._positions[at]}
        return bool(self._reached)

    async def _decode(self, fetched: Sequence[Any]) -> tuple[list[InboundMessage], list[Command]]:
        """The messages that ask for something, and what each asks for."""
        read, decode = self._source.read, self._codec.decode
        messages: list[InboundMessage] = []
        commands: list[Command] = []
        for low in range(0, len(fetched), _DECODE_STRETCH):
            stretch = [read(message) for message in fetched[low : low + _DECODE_STRETCH]]
            decoded = [decode(message) for message in stretch]
            if Skip in set(map(type, decoded)):
                stretch, decoded = self._without_skipped(stretch, decoded)
            messages += stretch
            commands += decoded
            # The write of the batch before goes on meanwhile: its answers must not wait for all of this.
            await asyncio.sleep(0)
        return messages, commands

    def _without_skipped(
        self, messages: Sequence[InboundMessage], commands: Sequence[Command]
    ) -> tuple[list[InboundMessage], list[Command]]:
        """What is skipped is no reason for a transaction: it moves the offset along with what comes next."""
        kept = []
        for message, command in zip(messages, commands, strict=True):
            if type(command) is Skip:
                self._note_reached({Partition(message.topic, message.partition): message.offset + 1})
            else:
                kept.append((message, command))
        return [message for message, _ in kept], [command for _, command in kept]

    def _batch(self, messages: Sequence[InboundMessage], commands: Sequence[Command]) -> Batch:
        reached, self._reached = self._reached, {}
        batch = Batch(messages, commands, self._positions, self._topic_ids, reached)
        self._positions |= batch.ends
        return batch

    async def _write_and_maintain(self, prepared: Prepared) -> None:
        began = monotonic()
        with batch_span(prepared.batch):
            ingested = await self._write(prepared)
        self._pulse.beat()
        self._metrics.batch_committed(ingested, len(prepared.batch), monotonic() - began)
        moved = {partition: progress.next_offset for partition, progress in ingested.progress.items()}
        self._written |= moved
        self._stored |= moved
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
                self._metrics.swept(await self._sweep(self._stored))
            except Fenced:
                raise
            except StoreError as error:
                log.warning("sweep of parked reports failed; it will be tried again", error=str(error))
