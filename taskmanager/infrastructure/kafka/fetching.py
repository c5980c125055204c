"""Reads messages and ends of partitions in bounded fetches, in a thread of its own."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from operator import methodcaller
from typing import Any, NamedTuple

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from taskmanager.application.commands import UNREADABLE_HEADERS, InboundMessage, Partition

log = structlog.get_logger(__name__)

# Wakes that often without messages, which bounds how long a stop waits.
_IDLE_SECONDS = 0.25
_CHUNK = 500
# So many messages of a chunk tell whether keys and headers matter in it: asking all would cost a twentieth of the
# throughput. Beyond so many bytes each, all are asked.
_SAMPLE = 5
_SLIGHT_BYTES = 2048
# For a name that is not UTF-8 the driver returns a list and leaves an error behind. A call written in Python does not
# look for that any more once the interpreter has specialised it, and something else fails later; one from C does.
_CALL_HEADERS = methodcaller("headers")
_END = KafkaError._PARTITION_EOF  # noqa: SLF001 - the driver's name of it
_LOST = frozenset(
    {
        KafkaError._AUTO_OFFSET_RESET,  # noqa: SLF001
        KafkaError._UNKNOWN_PARTITION,  # noqa: SLF001
        KafkaError._UNKNOWN_TOPIC,  # noqa: SLF001
        KafkaError.OFFSET_OUT_OF_RANGE,
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError.UNKNOWN_TOPIC_ID,
    }
)


class Fetched(NamedTuple):
    """What a fetch brought: messages in order per partition, for `read`.

    `reached` says for partitions that were read to their end where that is: behind the last message, and behind the
    transaction markers that no reader sees. `lost` are partitions that cannot be read on.
    """

    messages: Sequence[Message]
    reached: Mapping[Partition, int]
    lost: Collection[Partition]


class FetchingConsumer(ABC):
    """Reads partitions from offsets that it is given; subclasses say whose partitions these are.

    Everything that may block runs in one thread of its own, so that the event loop never waits and calls never overlap.
    A fetch answers at most `batch_size` messages and, but for a single larger one, `batch_bytes` bytes.
    """

    def __init__(self, properties: Mapping[str, Any], *, batch_size: int, batch_bytes: int) -> None:
        self._batch_size = batch_size
        self._batch_bytes = batch_bytes
        self._carried: list[Message] = []
        self._reached: dict[Partition, int] = {}
        self._lost: set[Partition] = set()
        self._closed = False
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="kafka-fetch")
        self._consumer = Consumer(
            {
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                # An offset out of range must never jump in silence.
                "auto.offset.reset": "error",
                "isolation.level": "read_committed",
                # The only way to learn how far the markers go that end transactions.
                "enable.partition.eof": True,
                # Prefetch is bounded by bytes (half of the largest batch is more than a usual one), and by number, for
                # the driver counts neither keys nor headers. The number is per partition.
                "queued.min.messages": max(batch_size, 100),
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
        await self._run(self._assign_anew, offsets)

    async def fetch(self) -> Fetched:
        """The next messages; nothing after a quarter of a second without any.

        Never cancel a fetch: its messages would be lost to this consumer.
        """
        fetched: Fetched = await self._run(self._fetch)
        return fetched

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
        try:
            self._consumer.commit(offsets=positions(offsets), asynchronous=True)
        except KafkaException as error:
            log.warning("group_offsets_not_committed", error=error.args[0].str())

    async def close(self) -> None:
        """Leaves the brokers; again does nothing."""
        if self._closed:
            return
        self._closed = True
        await self._run(self._consumer.close)
        self._thread.shutdown(wait=False)

    @abstractmethod
    def _assign(self, offsets: Mapping[Partition, int]) -> None:
        """Makes the driver read these partitions and no others; in the thread."""

    async def _run(self, function: Any, *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, function, *arguments)

    def _assign_anew(self, offsets: Mapping[Partition, int]) -> None:
        self._carried, self._reached, self._lost = [], {}, set()
        self._assign(offsets)

    def _fetch(self) -> Fetched:
        batch, self._carried = self._carried, []
        size = _size(batch)
        # consume(n, t) waits all of t while fewer than n are there: wait for one, then take what has come already.
        wait = 0.0 if batch or self._reached else _IDLE_SECONDS
        chunk = 1
        while len(batch) < self._batch_size and size < self._batch_bytes:
            fetched = self._consumer.consume(chunk, wait)
            if not fetched:
                break
            messages = [message for message in fetched if self._is_sound(message)]
            batch += messages
            size += _size(messages)
            wait = 0.0
            # As many as will fit if they are like those before.
            fitting = int((self._batch_bytes - size) * len(batch) / max(size, 1)) if batch else 1
            chunk = max(min(_CHUNK, self._batch_size - len(batch), fitting), 1)
        if size > self._batch_bytes:
            batch = self._bounded(batch)
        lost, self._lost = self._lost, set()
        if self._carried:
            return Fetched(batch, {}, lost)  # the ends lie behind what is carried over
        reached, self._reached = self._reached, {}
        return Fetched(batch, reached, lost)

    def _bounded(self, batch: list[Message]) -> list[Message]:
        size = 0
        for count, message in enumerate(batch):
            size += len(message) + _size_beside_value(message)
            if size > self._batch_bytes and count > 0:
                self._carried = batch[count:]
                return batch[:count]
        return batch

    def _is_sound(self, message: Any) -> bool:
        error = message.error()
        if error is not None:
            self._note(message, error)
        return error is None

    def _note(self, message: Any, error: KafkaError) -> None:
        """Keeps what the caller has to know; raises what ends the reading; the rest mends itself."""
        code, topic, number = error.code(), message.topic(), message.partition()
        if code == _END:
            self._reached[Partition(topic, number)] = message.offset()
            return
        if error.fatal():
            raise KafkaException(error)
        is_lost = code in _LOST and topic is not None and number >= 0
        if is_lost:
            self._lost.add(Partition(topic, number))
        log.warning("kafka_error", topic=topic, partition=number, error=error.str(), is_lost=is_lost)


def positions(offsets: Mapping[Partition, int]) -> list[TopicPartition]:
    """The driver's form of them."""
    return [TopicPartition(p.topic, p.partition, offset) for p, offset in offsets.items()]


def _size(messages: Sequence[Message]) -> int:
    """Bytes of values, and of keys and headers where they matter."""
    size = sum(map(len, messages))
    sample = messages[:: max(len(messages) // _SAMPLE, 1)]
    if any(_size_beside_value(message) > _SLIGHT_BYTES for message in sample):
        size += sum(map(_size_beside_value, messages))
    return size


def _size_beside_value(message: Any) -> int:
    headers = _headers(message) or ()
    return len(message.key() or b"") + sum(len(name) + len(value or b"") for name, value in headers)


def _headers(message: Any) -> list[tuple[str, bytes | None]] | None:
    try:
        headers: list[tuple[str, bytes | None]] | None = _CALL_HEADERS(message)
    except (SystemError, UnicodeDecodeError):  # the former is how the driver tells the latter
        return UNREADABLE_HEADERS
    return headers


def _log_error(error: KafkaError) -> None:
    log.warning("kafka_client_error", error=error.str(), fatal=error.fatal())
