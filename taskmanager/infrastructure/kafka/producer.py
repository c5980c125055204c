"""Publishes events: one Kafka transaction a chunk, by a producer that fences off all before it."""

import asyncio
import random
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import Any, TypeVar

import structlog
from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient

from taskmanager.application.outbound import (
    MessageTooLarge,
    Outbound,
    PublisherClosed,
    PublisherFenced,
    PublisherUnreachable,
    PublishFailed,
)
from taskmanager.infrastructure.kafka.limits import LimitUnknown, message_limit

log = structlog.get_logger(__name__)

_Answer = TypeVar("_Answer")

# How long a call may block before it is seen whether to go on; it bounds how long `close` waits.
_SLICE_SECONDS = 1.0
_PAUSE_SECONDS = (0.1, 0.4)
_TELL_SECONDS = 10.0
# A leader whose commit does not arrive for so long lets another one try.
_PATIENCE_SECONDS = 15.0
_REACH_SECONDS = 3.0
# An answer counts for so long: who stands by asks seldom, and knows of an outage before it is its turn.
_REACHED_SECONDS = 5.0
# Readers of committed messages wait that long for the transaction of a relay that died, if nobody follows it.
_TRANSACTION_MS = 10_000
# Below that nothing fits, not even the headers.
_SMALLEST_LIMIT = 2048
_FRAME_BYTES = 256
_FENCED = (
    KafkaError._FENCED,  # noqa: SLF001 - the driver's name of it
    KafkaError.PRODUCER_FENCED,
    KafkaError.INVALID_PRODUCER_EPOCH,
)


class TransactionalProducer:
    """Implements `EventPublisher` for one topic.

    All calls of the driver block in one thread of their own. After any failure the client is given up: a new one, under
    the same transactional id, aborts what it left and cannot inherit its troubles. `patience` bounds, in seconds, how
    long one step waits for Kafka. `beat` is called from that thread whenever a call comes back.
    """

    def __init__(
        self,
        properties: Mapping[str, Any],
        topic: str,
        transactional_id: str,
        *,
        patience: float = _PATIENCE_SECONDS,
        beat: Callable[[], None] = lambda: None,
    ) -> None:
        # The client writes a line to stderr for every lost connection; outages are told of below.
        self._properties = {**properties, "log_level": 0}
        self._topic = topic
        self._transactional_id = transactional_id
        self._patience = patience
        self._beat = beat
        self._limit = self._ceiling = 1_000_000_000
        self._producer: Producer | None = None
        self._admin: AdminClient | None = None
        self._reached_at = float("-inf")
        self._closing = threading.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="kafka-publish")

    @property
    def message_max_bytes(self) -> int:
        """See `EventPublisher.message_max_bytes`."""
        return self._limit - _FRAME_BYTES

    async def reach(self) -> None:
        """See `EventPublisher.reach`; the topic must be there."""
        if monotonic() - self._reached_at > _REACHED_SECONDS:
            self._closing.clear()
            await self._run(self._look_up, min(_REACH_SECONDS, self._patience))

    async def open(self) -> None:
        """See `EventPublisher.open`; raises `PublishFailed` where waiting does not help."""
        self._closing.clear()
        await self._run(self._open)

    async def publish(self, messages: Sequence[Outbound]) -> None:
        """See `EventPublisher.publish`."""
        await self._run(self._publish, messages)

    async def close(self) -> None:
        """See `EventPublisher.close`."""
        self._closing.set()
        await asyncio.shield(self._run(self._drop))

    def _run(self, function: Callable[..., _Answer], *arguments: Any) -> "asyncio.Future[_Answer]":
        return asyncio.get_running_loop().run_in_executor(self._thread, function, *arguments)

    def _open(self) -> None:
        self._drop()
        self._limit = max(min(self._look_up(self._patience), self._ceiling), _SMALLEST_LIMIT)
        self._producer = Producer(
            {
                "transactional.id": self._transactional_id,
                "transaction.timeout.ms": _TRANSACTION_MS,
                "partitioner": "murmur2_random",
                "compression.type": "lz4",
                "linger.ms": 1,
                "message.max.bytes": self._limit,
                "reconnect.backoff.max.ms": 1000,
                **self._properties,
            }
        )
        initialise = self._producer.init_transactions
        self._patiently(lambda: initialise(_SLICE_SECONDS), "transactions", self._patience)

    def _look_up(self, patience: float) -> int:
        """The topic's limit, which only brokers that answer can tell."""
        try:
            limit = self._patiently(self._ask_limit, "limit", patience)
        except PublishFailed:
            self._forget_brokers()
            raise
        self._reached_at = monotonic()
        return limit

    def _ask_limit(self) -> int:
        if self._admin is None:
            self._admin = AdminClient(self._properties)
        return message_limit(self._admin, self._topic, timeout=_SLICE_SECONDS)

    def _forget_brokers(self) -> None:
        """A new client tries them at once; an old one makes pauses that grow with the outage."""
        self._admin = None
        self._reached_at = float("-inf")

    def _publish(self, messages: Sequence[Outbound]) -> None:
        producer = self._producer
        if producer is None or self._closing.is_set():
            raise PublisherClosed("the publisher is not open")
        try:
            producer.begin_transaction()
            produce = producer.produce
            for topic, key, value, headers, _ in messages:
                while True:
                    try:
                        produce(topic, value, key, headers=headers)
                        break
                    except BufferError:
                        self._check_open()
                        producer.poll(_PAUSE_SECONDS[0])
        except KafkaException as error:
            raise self._failure(error.args[0]) from error
        self._patiently(lambda: producer.commit_transaction(_SLICE_SECONDS), "commit", self._patience)

    def _patiently(self, call: Callable[[], _Answer], what: str, patience: float) -> _Answer:
        """Calls again while that may help, and not for too long; it is told of from time to time."""
        due, patient_until = monotonic() + _TELL_SECONDS, monotonic() + patience
        while True:
            began = monotonic()
            try:
                answer = call()
            except (KafkaException, LimitUnknown) as error:
                cause = error.args[0]
                if isinstance(error, KafkaException) and not cause.retriable():
                    raise self._failure(cause) from error
            else:
                self._beat()
                return answer
            self._beat()
            now = monotonic()
            if now >= patient_until:
                self._forget_brokers()
                raise PublisherUnreachable(f"{what} of {self._topic}: no answer for {patience:g} s: {cause}")
            if now >= due:
                due = now + _TELL_SECONDS
                log.warning("kafka_does_not_answer", waiting_for=what, topic=self._topic, error=str(cause))
            if now - began < _SLICE_SECONDS / 2:
                self._closing.wait(random.uniform(*_PAUSE_SECONDS))  # noqa: S311 - jitter, not a secret
            self._check_open()

    def _check_open(self) -> None:
        if self._closing.is_set():
            raise PublisherClosed("the publisher was closed while it worked")

    def _failure(self, error: KafkaError) -> PublishFailed:
        if error.code() == KafkaError.MSG_SIZE_TOO_LARGE:
            # What the topic said of itself may be out of date by now, or not be the whole truth.
            self._ceiling = max(self._limit * 3 // 4, _SMALLEST_LIMIT)
            return MessageTooLarge(f"{self._topic} refuses a message within its limit; taking {self._ceiling} bytes")
        return (PublisherFenced if error.code() in _FENCED else PublishFailed)(error.str())

    def _drop(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.purge()
