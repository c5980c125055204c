"""Idempotency keys that have expired are forgotten."""

from datetime import datetime
from functools import partial
from typing import Protocol

from taskmanager.application.ports import Clock
from taskmanager.application.use_cases.housekeeping.batches import in_batches
from taskmanager.application.use_cases.housekeeping.ingestion_clock import Reading
from taskmanager.application.use_cases.housekeeping.rule import Done


class KeptKeys(Protocol):
    """The idempotency keys; every method may raise a `StoreError`."""

    async def delete_expired(self, now: datetime, limit: int) -> int:
        """Deletes at most `limit` keys that have expired, those first that did so first; answers how many."""

    async def count_expired(self, now: datetime) -> int:
        """How many have expired."""

    async def next_expiry(self) -> datetime | None:
        """When the first of all keys expires; None if there is none."""


class IdempotencyKeys:
    """Deletes keys past their expiry, which the API set by its own time and no message tells of."""

    name = "idempotency-keys"

    def __init__(self, keys: KeptKeys, clock: Clock) -> None:
        self._keys = keys
        self._clock = clock

    async def apply(self, reading: Reading) -> Done:  # noqa: ARG002 - a rule's signature
        """See `Rule.apply`."""
        return await in_batches("deleted", partial(self._keys.delete_expired, self._clock.now()))

    async def preview(self, reading: Reading) -> Done:  # noqa: ARG002
        """See `Rule.preview`."""
        return Done({"deleted": await self._keys.count_expired(self._clock.now())})

    async def outlook(self, reading: Reading) -> str:  # noqa: ARG002
        """See `Rule.outlook`."""
        expiry = await self._keys.next_expiry()
        return "there are no keys" if expiry is None else f"the first key expires at {expiry:%Y-%m-%d %H:%M:%S} UTC"
