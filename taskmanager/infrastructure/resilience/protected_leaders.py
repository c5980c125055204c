"""What leaders, the relay among them, work with, behind circuit breakers."""

from collections.abc import Sequence

from taskmanager.application.leadership import Leadership
from taskmanager.application.outbound import EventPublisher, Outbound
from taskmanager.infrastructure.resilience.circuit_breaker import CircuitBreaker
from taskmanager.infrastructure.resilience.protected import Protected


class ProtectedLeadership:
    """A `Leadership` whose campaigns are let through or refused; who is in office is not kept from its duties."""

    def __init__(self, inner: Leadership, breaker: CircuitBreaker) -> None:
        self.try_acquire = Protected(inner.try_acquire, breaker)
        self.confirm = inner.confirm
        self.move = inner.move
        self.resign = inner.resign


class ProtectedPublisher:
    """An `EventPublisher` whose calls are let through or refused."""

    def __init__(self, inner: EventPublisher, breaker: CircuitBreaker) -> None:
        self._inner = inner
        self._breaker = breaker
        self.close = inner.close

    @property
    def message_max_bytes(self) -> int:
        """See `EventPublisher.message_max_bytes`."""
        return self._inner.message_max_bytes

    async def open(self) -> None:
        """See `EventPublisher.open`."""
        with self._breaker.admission():
            await self._inner.open()

    async def publish(self, messages: Sequence[Outbound]) -> None:
        """See `EventPublisher.publish`."""
        with self._breaker.admission():
            await self._inner.publish(messages)
