"""What is counted of refused requests; the names are public (docs/observability.md)."""

from prometheus_client import REGISTRY, CollectorRegistry, Counter


class AccessMetrics:
    """The refusals of one API process."""

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        self._refused = Counter(
            "http_access_refusals",
            "Requests that were refused for who sent them: 401 unknown, 403 not allowed, 429 too many failures.",
            ["status", "reason"],
            registry=registry,
        )

    def refused(self, status: int, reason: str) -> None:
        """Counts one; both are of fixed sets."""
        self._refused.labels(str(status), reason).inc()
