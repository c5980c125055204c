"""Ends API keys."""

from typing import NamedTuple

from taskmanager.application.api_keys import ApiKey, KeyStore
from taskmanager.application.ports import Clock


class Revocation(NamedTuple):
    """The key as it is now, and whether it was revoked just now rather than before."""

    key: ApiKey
    is_new: bool


class RevokeKey:
    """Takes a key back, for good; API processes that know it go on with it for a few seconds."""

    def __init__(self, store: KeyStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def __call__(self, prefix: str, actor: str) -> Revocation | None:
        """None if there is no key with this prefix; the second revocation changes nothing. May raise a `StoreError`."""
        now = self._clock.now()
        key = await self._store.revoke(prefix, now, actor)
        return None if key is None else Revocation(key, key.revoked_at == now and key.revoked_by == actor)
