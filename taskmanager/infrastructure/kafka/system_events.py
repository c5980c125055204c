"""Sends messages to the system topic as well as it can, and never at the cost of anything else."""

from collections.abc import Callable, Mapping
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer

_QUEUE_MESSAGES = 1000
_QUEUE_KIB = 1024
_TIMEOUT_MS = 10_000

Dropped = Callable[[str, int], None]


class SystemEventPublisher:
    """Hands messages over to a small queue and forgets them: it neither waits nor raises, and logs nothing.

    What does not fit, or is not delivered within 10 s, is dropped; `dropped` hears of it with a reason (`queue_full`,
    `timeout`, `refused`, `closed`) and a number. For one thread at a time. Raises `KafkaException` at the start if the
    properties are wrong; Kafka need not be there.
    """

    def __init__(
        self,
        properties: Mapping[str, Any],
        topic: str,
        dropped: Dropped,
        *,
        make: Callable[[dict[str, Any]], Any] = Producer,
    ) -> None:
        self._topic = topic
        self._dropped = dropped
        self._closed = False
        self._producer = make(
            {
                "acks": 1,
                "linger.ms": 50,
                "message.timeout.ms": _TIMEOUT_MS,
                "queue.buffering.max.messages": _QUEUE_MESSAGES,
                "queue.buffering.max.kbytes": _QUEUE_KIB,
                # A broker or a topic that is missing for hours must not keep every process busy with looking for it.
                "reconnect.backoff.max.ms": 10_000,
                "topic.metadata.refresh.fast.interval.ms": 1000,
                # The client's lines on stderr, and an error line about each, would come back here for ever.
                "log_level": 0,
                "on_delivery": self._delivered,
                **properties,
            }
        )

    def send(self, key: str, headers: list[tuple[str, bytes]], body: bytes) -> None:
        """Queues a message, or drops it."""
        if self._closed:
            self._dropped("closed", 1)
            return
        try:
            self._producer.produce(self._topic, key=key, value=body, headers=headers)
        except BufferError:
            self._dropped("queue_full", 1)
        except KafkaException:
            self._dropped("refused", 1)

    def poll(self) -> None:
        """Takes the brokers' answers; to be called every now and then."""
        if not self._closed:
            self._producer.poll(0)

    def close(self, seconds: float = 1.0) -> None:
        """Waits at most so long for what is queued and drops the rest; again does nothing."""
        if self._closed:
            return
        self._closed = True
        if self._producer.flush(seconds):
            self._producer.purge()
            self._producer.poll(0)  # tells of what was purged
        self._producer.close()

    def _delivered(self, error: KafkaError | None, _message: object) -> None:
        if error is not None:
            self._dropped(_REASONS.get(error.code(), "refused"), 1)


_REASONS = {
    KafkaError._MSG_TIMED_OUT: "timeout",  # noqa: SLF001 - the driver's names of them
    KafkaError._TIMED_OUT: "timeout",  # noqa: SLF001
    KafkaError._PURGE_QUEUE: "closed",  # noqa: SLF001
    KafkaError._PURGE_INFLIGHT: "closed",  # noqa: SLF001
}
