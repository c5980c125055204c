"""Publishes dead letters, apart from the events: whatever is wrong with their topics holds up nobody else."""

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import Any, TypeVar

from confluent_kafka import KafkaError, KafkaException, Message, Producer
from confluent_kafka.admin import AdminClient

from taskmanager.application.outbound import Outbound, PublishFailed
from taskmanager.application.published_letters import LetterTopic
from taskmanager.infrastructure.kafka.limits import LimitUnknown, message_limit

_Answer = TypeVar("_Answer")

_LOOK_UP_SECONDS = 5.0
_DELIVERY_SECONDS = 10.0
_SLICE_SECONDS = 0.5
_FRAME_BYTES = 256
_BY_KEY = -1
_SMALLEST_LIMIT = 1024


class LetterProducer:
    """Implements `LetterPublisher`; the client is made for the first letter, and anew after `close`."""

    def __init__(self, properties: Mapping[str, Any]) -> None:
        self._properties = {**properties, "log_level": 0}
        self._producer: Producer | None = None
        self._limits: dict[str, int] = {}
        self._closing = threading.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="kafka-letters")

    async def describe(self, topic: str) -> LetterTopic | None:
        """See `LetterPublisher.describe`."""
        return await self._run(self._describe, topic)

    async def publish(self, messages: Sequence[Outbound]) -> Sequence[str | None]:
        """See `LetterPublisher.publish`."""
        return await self._run(self._publish, messages)

    def close(self) -> None:
        """See `LetterPublisher.close`; what is under way goes on for seconds at most."""
        self._closing.set()
        self._thread.submit(self._give_up)

    def _run(self, function: Callable[..., _Answer], *arguments: Any) -> "asyncio.Future[_Answer]":
        return asyncio.get_running_loop().run_in_executor(self._thread, function, *arguments)

    def _opened(self) -> Producer:
        if self._producer is None:
            self._producer = Producer(
                {
                    "enable.idempotence": True,
                    "partitioner": "murmur2_random",
                    "compression.type": "lz4",
                    "linger.ms": 0,
                    # Each topic has a limit of its own, which a batch must not exceed: one message is one batch.
                    "batch.num.messages": 1,
                    "message.max.bytes": 1_000_000_000,
                    "message.timeout.ms": int(_DELIVERY_SECONDS * 1000),
                    "topic.metadata.propagation.max.ms": 1000,
                    **self._properties,
                }
            )
        return self._producer

    def _describe(self, topic: str) -> LetterTopic | None:
        try:
            # Asking for it by name lets a broker that makes topics by itself make it.
            found = self._opened().list_topics(topic, timeout=_LOOK_UP_SECONDS).topics[topic]
            if found.error is not None:
                return None
            limit = message_limit(AdminClient(self._properties), topic, timeout=_LOOK_UP_SECONDS)
        except KafkaException as error:
            raise PublishFailed(error.args[0].str()) from error
        except LimitUnknown as error:
            raise PublishFailed(str(error)) from error
        limit = max(min(limit, self._limits.get(topic, limit)) - _FRAME_BYTES, _SMALLEST_LIMIT)
        return LetterTopic(topic, len(found.partitions), limit)

    def _publish(self, messages: Sequence[Outbound]) -> Sequence[str | None]:
        producer = self._opened()
        problems: list[str | None] = ["it did not arrive in time"] * len(messages)

        def delivered(place: int) -> Callable[[KafkaError | None, Message], None]:
            def note(error: KafkaError | None, message: Message) -> None:
                problems[place] = None if error is None else error.str()
                if error is not None and error.code() == KafkaError.MSG_SIZE_TOO_LARGE:
                    self._lower_limit(message.topic() or "", len(message.value() or b""))

            return note

        for place, (topic, key, value, headers, partition) in enumerate(messages):
            try:
                number = _BY_KEY if partition is None else partition
                producer.produce(topic, value, key, number, delivered(place), headers=headers)
            except (KafkaException, BufferError) as error:
                problems[place] = str(error)
        self._deliver(producer)
        if self._has_failed(producer):
            self._drop()
        return problems

    def _deliver(self, producer: Producer) -> None:
        """Waits until all have arrived or failed, or it was closed."""
        until = monotonic() + _DELIVERY_SECONDS + 1
        while producer.flush(_SLICE_SECONDS) and monotonic() < until and not self._closing.is_set():
            pass

    def _lower_limit(self, topic: str, size: int) -> None:
        """The topic refuses what it says it takes: the next try leaves out the value of a letter of this size."""
        self._limits[topic] = min(self._limits.get(topic, size), size)

    @staticmethod
    def _has_failed(producer: Producer) -> bool:
        """What is left in the queues after the time for delivery will never go."""
        return len(producer) > 0

    def _give_up(self) -> None:
        self._drop()
        self._closing.clear()  # what was asked for after `close` comes after this

    def _drop(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.purge()
