"""The figures of circuit breakers."""

from prometheus_client import CollectorRegistry

from taskmanager.infrastructure.metrics.circuits import CircuitMetrics
from taskmanager.infrastructure.resilience.circuit_breaker import Circuit


def test_a_breaker_is_shown_from_the_start_and_its_changes_are_counted() -> None:
    registry = CollectorRegistry()
    metrics = CircuitMetrics(registry)
    metrics.begins("kafka")
    assert registry.get_sample_value("circuit_breaker_state", {"dependency": "kafka"}) == 0
    for circuit in (Circuit.OPEN, Circuit.HALF_OPEN, Circuit.OPEN):
        metrics.entered("kafka", circuit)
    assert registry.get_sample_value("circuit_breaker_state", {"dependency": "kafka"}) == 2
    for to, count in (("open", 2), ("half_open", 1)):
        labels = {"dependency": "kafka", "to": to}
        assert registry.get_sample_value("circuit_breaker_transitions_total", labels) == count
