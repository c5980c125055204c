"""What leaders, the relay among them, work with, behind circuit breakers."""

from collections.abc import Sequence

from taskmanager.application.leadership import Leadership
from taskmanager.application.outbound import EventPublisher, Outbound, PublishFailed
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
    """An `EventPublisher` whose calls are let through or refused.

    Once publishing has failed, only publishing shows that it works again.
    """

    def __init__(self, inner: EventPublisher, breaker: CircuitBreaker) -> None:
        self._inner = inner
        self._breaker = breaker
        self._has_failed = False
        self.close = inner.close

    @property
    def message_max_bytes(self) -> int:
        """See `EventPublisher.message_max_bytes`."""
        return self._inner.message_max_bytes

    async def reach(self) -> None:
        """See `EventPublisher.reach`; it is a probe itself, and says nothing of publishing."""
        with self._breaker.admission(counts_success=False, counts_failure=False):
            await self._inner.reach()

    async def open(self) -> None:
        """See `EventPublisher.open`."""
        with self._breaker.admission(counts_success=not self._has_failed):
            await self._inner.open()

    async def publish(self, messages: Sequence[Outbound]) -> None:
        """See `EventPublisher.publish`."""
        with self._breaker.admission():
            try:
                await self._inner.publish(messages)
            except PublishFailed:
                self._has_failed = True
                raise
            self._has_failed = False
