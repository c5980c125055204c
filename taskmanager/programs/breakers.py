"""The circuit breakers of one process: one before each dependency, whoever calls it."""

from collections.abc import Mapping

from prometheus_client import CollectorRegistry

from taskmanager.config.settings import Settings
from taskmanager.infrastructure.metrics.circuits import CircuitMetrics
from taskmanager.infrastructure.resilience.circuit_breaker import CircuitBreaker
from taskmanager.infrastructure.resilience.refusals import (
    KafkaCircuitOpen,
    StoreCircuitOpen,
    is_kafka_outage,
    is_store_outage,
)


class Breakers:
    """All closed at first; their states are counted in `registry`."""

    def __init__(self, settings: Settings, registry: CollectorRegistry) -> None:
        database, kafka = settings.database, settings.kafka
        metrics = CircuitMetrics(registry)
        self.database = CircuitBreaker(
            "postgresql",
            failures=database.max_retry_attempts,
            pause=database.breaker_pause,
            is_outage=is_store_outage,
            refusal=StoreCircuitOpen,
            on_change=metrics.entered,
        )
        self.kafka = CircuitBreaker(
            "kafka",
            failures=kafka.max_retry_attempts,
            pause=kafka.breaker_pause,
            is_outage=is_kafka_outage,
            refusal=KafkaCircuitOpen,
            on_change=metrics.entered,
        )
        for breaker in (self.database, self.kafka):
            metrics.begins(breaker.dependency)

    def states(self) -> Mapping[str, str]:
        """What each breaker is at, in words: closed, half_open, open."""
        return {breaker.dependency: breaker.circuit.name.lower() for breaker in (self.database, self.kafka)}
