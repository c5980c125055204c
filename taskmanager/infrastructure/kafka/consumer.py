"""Reads pinned partitions: no group, no rebalances; what protects is the stored offset."""

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from taskmanager.application.commands import UNREADABLE_HEADERS, InboundMessage, Partition

log = structlog.get_logger(__name__)

# Wakes that often without messages, which bounds how long a stop waits.
_IDLE_SECONDS = 0.25
_CHUNK = 500
_OUT_OF_RANGE = (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE)  # noqa: SLF001 - the driver's name of it


class PartitionLost(Exception):  # noqa: N818
    """A partition cannot be read on; the text says why and what to do."""


class PinnedConsumer:
    """Reads the partitions that it is given, from the offsets that it is given.

    Everything that may block runs in one thread of its own, so that the event loop never waits and calls never overlap.
    A fetch answers at most `batch_size` messages and, but for a single larger one, `batch_bytes` bytes.
    """

    def __init__(self, properties: Mapping[str, Any], *, batch_size: int, batch_bytes: int) -> None:
        self._batch_size = batch_size
        self._batch_bytes = batch_bytes
        self._carried: list[Message] = []
        self._closed = False
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="kafka-fetch")
        self._consumer = Consumer(
            {
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                # An offset out of range must never jump in silence.
                "auto.offset.reset": "error",
                "isolation.level": "read_committed",
                "enable.partition.eof": False,
                # Prefetch is bounded by bytes alone: half of the largest batch is more than a usual one.
                "queued.min.messages": 100_000,
                "queued.max.messages.kbytes": max(batch_bytes // 2048, 1024),
                "fetch.max.bytes": max(batch_bytes // 2, 1 << 20),
                "fetch.wait.max.ms": 500,
                # Full is full for a moment only: the default of a second would starve the next batch.
                "fetch.queue.backoff.ms": 10,
                "fetch.error.backoff.ms": 200,
                "reconnect.backoff.max.ms": 1000,
                "error_cb": _log_error,
                **properties,
            }
        )

    async def assign(self, offsets: Mapping[Partition, int]) -> None:
        """Reads these partitions from these offsets on; whatever was fetched before is thrown away."""
        await self._run(self._assign, offsets)

    async def fetch(self) -> Sequence[Message]:
        """The next messages, in order per partition, for `read`; none after a quarter of a second without any.

        Never cancel a fetch: its messages would be lost to this consumer. Raises `PartitionLost`.
        """
        messages: Sequence[Message] = await self._run(self._fetch)
        return messages

    def read(self, fetched: Any) -> InboundMessage:
        """A fetched message; best read just before it is decoded, while it is in the processor's cache."""
        kind, timestamp = fetched.timestamp()
        return InboundMessage(
            fetched.topic(),
            fetched.partition(),
            fetched.offset(),
            timestamp if kind else None,
            fetched.key(),
            _headers(fetched),
            fetched.value(),
        )

    def publish_progress(self, offsets: Mapping[Partition, int]) -> None:
        """Tells the consumer group how far we are, for lag tools alone; does not wait, and a failure is no harm."""
        positions = [TopicPartition(p.topic, p.partition, offset) for p, offset in offsets.items()]
        try:
            self._consumer.commit(offsets=positions, asynchronous=True)
        except KafkaException as error:
            log.warning("group_offsets_not_committed", error=error.args[0].str())

    async def close(self) -> None:
        """Leaves the brokers; again does nothing."""
        if self._closed:
            return
        self._closed = True
        await self._run(self._consumer.close)
        self._thread.shutdown(wait=False)

    async def _run(self, function: Any, *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, function, *arguments)

    def _assign(self, offsets: Mapping[Partition, int]) -> None:
        self._carried = []
        self._consumer.assign([TopicPartition(p.topic, p.partition, offset) for p, offset in offsets.items()])

    def _fetch(self) -> Sequence[Message]:
        batch, self._carried = self._carried, []
        size = sum(map(len, batch))
        # consume(n, t) waits all of t while fewer than n are there: wait for one, then take what has come already.
        wait = 0.0 if batch else _IDLE_SECONDS
        chunk = 1
        while len(batch) < self._batch_size and size < self._batch_bytes:
            fetched = self._consumer.consume(chunk, wait)
            if not fetched:
                break
            for message in fetched:
                error = message.error()
                if error is not None:
                    _report(message, error)
                    continue
                batch.append(message)
                size += len(message)
            wait = 0.0
            chunk = min(_CHUNK, max(self._batch_size - len(batch), 1))
        if size > self._batch_bytes:
            batch = self._bounded(batch)
        return batch

    def _bounded(self, batch: list[Message]) -> list[Message]:
        size = 0
        for count, message in enumerate(batch):
            size += len(message)
            if size > self._batch_bytes and count > 0:
                self._carried = batch[count:]
                return batch[:count]
        return batch


def _headers(message: Any) -> list[tuple[str, bytes | None]] | None:
    try:
        headers: list[tuple[str, bytes | None]] | None = message.headers()
    except (SystemError, UnicodeDecodeError):  # the former is how the driver tells the latter
        return UNREADABLE_HEADERS
    return headers


def _report(message: Message, error: KafkaError) -> None:
    """Raises what ends the reading; the rest mends itself."""
    if error.fatal():
        raise KafkaException(error)
    if error.code() in _OUT_OF_RANGE:
        raise PartitionLost(
            f"{message.topic()}/{message.partition()}: offset {message.offset()} is not in the topic any more "
            "(retention removed it, or the topic was made anew); decide where to go on: docs/operations.md, "
            "Offsets that do not fit"
        )
    log.warning("kafka_error", topic=message.topic(), partition=message.partition(), error=error.str())


def _log_error(error: KafkaError) -> None:
    log.warning("kafka_client_error", error=error.str(), fatal=error.fatal())
