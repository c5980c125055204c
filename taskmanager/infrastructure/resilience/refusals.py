"""What breakers take for an outage, and how they refuse a call, in the terms of each port."""

from taskmanager.application.ports import BUSY, NO_ROOM, StoreUnavailable
from taskmanager.infrastructure.kafka.topics import TopicsMissing, TopicsUnavailable
from taskmanager.infrastructure.resilience.circuit_breaker import CircuitOpen

# Failures that say nothing about the server's health.
_ANSWERED_KINDS = frozenset({BUSY, NO_ROOM})


class StoreCircuitOpen(CircuitOpen, StoreUnavailable):
    """PostgreSQL is taken to be away; nothing was tried."""

    def __init__(self, problem: str, retry_after: float) -> None:
        StoreUnavailable.__init__(self, problem, "breaker_open")
        self.retry_after = retry_after


class TopicsCircuitOpen(CircuitOpen, TopicsUnavailable):
    """Kafka is taken to be away; nothing was asked."""

    kind = "breaker_open"

    def __init__(self, problem: str, retry_after: float) -> None:
        super().__init__(problem)
        self.retry_after = retry_after


def is_store_outage(error: Exception) -> bool:
    """Whether PostgreSQL failed to answer: refused rows, conflicts and lost claims are answers."""
    return isinstance(error, StoreUnavailable) and error.kind not in _ANSWERED_KINDS


def is_topics_outage(error: Exception) -> bool:
    """Whether the brokers failed to answer: that a topic is missing is an answer."""
    return isinstance(error, TopicsUnavailable) and not isinstance(error, TopicsMissing)
