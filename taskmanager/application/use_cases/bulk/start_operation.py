"""Begins an operation on many tasks."""

from collections.abc import Callable

from taskmanager.application.bulk_model import Operation, Order
from taskmanager.application.ports import Clock
from taskmanager.application.use_cases.bulk.ports import Operations
from taskmanager.application.use_cases.writing.unit import Claim, KeyReused, Overloaded
from taskmanager.application.use_cases.writing.uuid7 import new_task_id

# A caller who begins without end must not keep the others' waiting.
_OPEN_MAX = 20


class StartOperation:
    """Keeps the order for whoever advances operations, and wakes the one in this process."""

    def __init__(
        self,
        operations: Operations,
        clock: Clock,
        wake: Callable[[], None],
        *,
        open_max: int = _OPEN_MAX,
        new_id: Callable[[], str] = new_task_id,
    ) -> None:
        self._operations = operations
        self._clock = clock
        self._wake = wake
        self._open_max = open_max
        self._new_id = new_id

    async def __call__(self, order: Order, claim: Claim | None) -> Operation:
        """The new operation, or the one that was begun by the same request before.

        Raises `KeyReused` where the request with this name was another one, `Overloaded` where the actor has too many
        operations open, or a `StoreError`.
        """
        begun = await self._operations.begin(self._new_id(), order, claim, self._clock.now(), open_max=self._open_max)
        if begun is None:
            raise Overloaded(f"{self._open_max} of your operations are not over yet; wait for one, or cancel it")
        if claim is not None and begun.digest != claim.digest:
            raise KeyReused("this idempotency key belongs to another request; make a new key for each request")
        self._wake()
        return begun.operation
