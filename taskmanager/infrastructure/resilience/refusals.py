"""What breakers take for an outage, and how they refuse a call, in the terms of each port."""

from taskmanager.application.outbound import MessageTooLarge, PublisherClosed, PublisherFenced, PublishFailed
from taskmanager.application.ports import BUSY, CONTENDED, GIVEN_UP, NO_ROOM, StoreUnavailable
from taskmanager.infrastructure.kafka.topics import TopicsMissing, TopicsUnavailable
from taskmanager.infrastructure.resilience.circuit_breaker import CircuitOpen

_REFUSED = "breaker_open"
# Failures that say nothing about the server's health.
_ANSWERED_KINDS = frozenset({BUSY, CONTENDED, GIVEN_UP, NO_ROOM})


class StoreCircuitOpen(CircuitOpen, StoreUnavailable):
    """PostgreSQL is taken to be away; nothing was tried."""

    def __init__(self, problem: str, retry_after: float) -> None:
        StoreUnavailable.__init__(self, problem, _REFUSED)
        self.retry_after = retry_after


class KafkaCircuitOpen(CircuitOpen, TopicsUnavailable, PublishFailed):
    """Kafka is taken to be away; nothing was asked, and nothing published."""

    kind = _REFUSED

    def __init__(self, problem: str, retry_after: float) -> None:
        super().__init__(problem)
        self.retry_after = retry_after


def is_store_outage(error: Exception) -> bool:
    """Whether PostgreSQL failed to answer: refused rows, conflicts and lost claims are answers."""
    return isinstance(error, StoreUnavailable) and error.kind not in _ANSWERED_KINDS


def is_kafka_outage(error: Exception) -> bool:
    """Whether the brokers failed to answer: that a topic is missing, or a message too large, is an answer."""
    if isinstance(error, TopicsMissing | MessageTooLarge | PublisherFenced | PublisherClosed):
        return False
    return isinstance(error, TopicsUnavailable | PublishFailed)
