"""Knows callers by their API keys."""

from taskmanager.application.access import REMEMBERED_SECONDS, Admission, NotAdmitted, Refusal
from taskmanager.application.api_keys import ApiKey, KeyFinder, bound_to, digest_of, prefix_of
from taskmanager.application.ports import Clock
from taskmanager.application.principal import Principal
from taskmanager.application.use_cases.keys.note_uses import NoteUses
from taskmanager.domain.errors import InvalidValue


class AuthenticateKey:
    """Implements `Authenticator` for API keys; `uses` hears of each key that is looked up and good."""

    def __init__(self, finder: KeyFinder, clock: Clock, uses: NoteUses) -> None:
        self._finder = finder
        self._clock = clock
        self._uses = uses

    def takes(self, token: str) -> bool:
        """See `Authenticator.takes`."""
        return token.startswith("tm_")

    async def authenticate(self, token: str) -> Admission:
        """See `Authenticator.authenticate`."""
        prefix = prefix_of(token)
        if prefix is None:
            raise NotAdmitted(Refusal.MALFORMED)
        # By the digest of the whole key: nothing is compared that somebody could approach byte by byte.
        key = await self._finder.find(digest_of(token))
        name = f"key:{prefix}"
        if key is None:
            raise NotAdmitted(Refusal.UNKNOWN, name)
        return self._admit(key, name)

    def _admit(self, key: ApiKey, name: str) -> Admission:
        now = self._clock.now()
        if key.revoked_at is not None:
            raise NotAdmitted(Refusal.REVOKED, name)
        if key.is_expired(now):
            raise NotAdmitted(Refusal.EXPIRED, name)
        try:
            user = bound_to(key.user_email)
        except InvalidValue:  # never take a key that is bound to nobody we understand for one that is not bound
            raise NotAdmitted(Refusal.NO_USER, name) from None
        self._uses.used(key.id, now)
        seconds = REMEMBERED_SECONDS
        if key.expires_at is not None:
            seconds = min(seconds, (key.expires_at - now).total_seconds())
        return Admission(Principal(name, key.role, user, key.name or None), seconds)
