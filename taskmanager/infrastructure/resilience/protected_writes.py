"""What the REST program writes by, behind a circuit breaker."""

from collections.abc import Callable, Sequence

from taskmanager.application.changes import Changes
from taskmanager.application.dead_letter_ports import LetterStore
from taskmanager.application.ports import Serialised
from taskmanager.application.use_cases.bulk.ports import ChunkStore, Progress
from taskmanager.application.use_cases.writing.ports import IntentStore, KeptAnswer
from taskmanager.infrastructure.resilience.circuit_breaker import CircuitBreaker
from taskmanager.infrastructure.resilience.protected import Protected, ProtectedTransactions


class ProtectedIntentStore:
    """An `IntentStore`, let through or refused by a breaker."""

    def __init__(self, inner: IntentStore, breaker: CircuitBreaker) -> None:
        self.serialise: Callable[[Changes, Sequence[KeptAnswer]], Serialised] = inner.serialise
        self.write_new = Protected(inner.write_new, breaker)
        self.transaction = ProtectedTransactions(inner.transaction, breaker)
        self.make_room = Protected(inner.make_room, breaker)


class ProtectedChunkStore:
    """A `ChunkStore`, let through or refused by a breaker."""

    def __init__(self, inner: ChunkStore, breaker: CircuitBreaker) -> None:
        self.serialise: Callable[[Changes, Progress], Serialised] = inner.serialise
        self.transaction = ProtectedTransactions(inner.transaction, breaker)
        self.postpone = Protected(inner.postpone, breaker)
        self.fail = Protected(inner.fail, breaker)
        self.make_room = Protected(inner.make_room, breaker)


class ProtectedLetterStore:
    """A `LetterStore`, let through or refused by a breaker."""

    def __init__(self, inner: LetterStore, breaker: CircuitBreaker) -> None:
        self.serialise: Callable[[Changes], Serialised] = inner.serialise
        self.transaction = ProtectedTransactions(inner.transaction, breaker)
