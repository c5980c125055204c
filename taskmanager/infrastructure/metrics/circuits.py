"""What circuit breakers are at; the names are public (docs/observability.md)."""

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge

from taskmanager.infrastructure.metrics.multiprocess import GAUGES_OF_EACH_PROCESS
from taskmanager.infrastructure.resilience.circuit_breaker import Circuit


class CircuitMetrics:
    """The breakers of one process, by what they stand before."""

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        self._state = Gauge(
            "circuit_breaker_state",
            "State of the breaker before a dependency: 0 closed, 1 half-open, 2 open.",
            ["dependency"],
            registry=registry,
            multiprocess_mode=GAUGES_OF_EACH_PROCESS,
        )
        self._transitions = Counter(
            "circuit_breaker_transitions",
            "Times that a breaker entered a state.",
            ["dependency", "to"],
            registry=registry,
        )

    def begins(self, dependency: str) -> None:
        """Shows a breaker that is closed because its process has only just begun."""
        self._state.labels(dependency).set(Circuit.CLOSED)

    def entered(self, dependency: str, circuit: Circuit) -> None:
        """Counts a change of state."""
        self._state.labels(dependency).set(circuit)
        self._transitions.labels(dependency, circuit.name.lower()).inc()
