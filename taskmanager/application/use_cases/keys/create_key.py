"""Makes API keys."""

from datetime import datetime

from taskmanager.application.api_keys import ApiKey, KeyStore, digest_of, new_secret
from taskmanager.application.ports import Clock, StoreConflict
from taskmanager.application.principal import Role
from taskmanager.application.use_cases.writing.uuid7 import new_task_id
from taskmanager.domain.values import UserEmail

_TRIES = 3


class CreateKey:
    """Makes a key that only its caller will know."""

    def __init__(self, store: KeyStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def __call__(
        self, role: Role, *, name: str, user_email: UserEmail | None, expires_at: datetime | None, actor: str
    ) -> tuple[str, ApiKey]:
        """The key in clear, to be shown once, and what is kept of it; may raise a `StoreError`."""
        for left in reversed(range(_TRIES)):
            secret = new_secret()
            key = ApiKey(
                id=str(new_task_id()),
                prefix=secret.prefix,
                name=name,
                role=role,
                user_email=None if user_email is None else str(user_email),
                created_at=self._clock.now(),
                created_by=actor,
                expires_at=expires_at,
                revoked_at=None,
                revoked_by=None,
                last_used_at=None,
            )
            try:
                await self._store.add(key, digest_of(secret.key))
            except StoreConflict:  # one prefix in a million million is drawn twice
                if not left:
                    raise
            else:
                return secret.key, key
        raise AssertionError("the loop returns or raises")
