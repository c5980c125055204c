"""Tells who calls by the token that they show, and remembers it for a little while."""

import asyncio
import time
from collections.abc import Callable, Sequence
from enum import StrEnum
from hashlib import sha256
from typing import Generic, NamedTuple, Protocol, TypeVar

from taskmanager.application.principal import Principal

_T = TypeVar("_T")

# What is not to be known any more must be forgotten within five seconds; one is for the look-up itself.
REMEMBERED_SECONDS = 4.0
_MOST_ADMITTED = 20_000
_MOST_REFUSED = 10_000


class Refusal(StrEnum):
    """Why somebody may not pass; for the audit log and the metrics, not for whoever is refused."""

    NO_TOKEN = "no_token"  # noqa: S105 - no password
    SEVERAL_TOKENS = "several_tokens"
    MALFORMED = "malformed"
    UNKNOWN = "unknown"
    REVOKED = "revoked"
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    BAD_ALGORITHM = "bad_algorithm"
    BAD_SIGNATURE = "bad_signature"
    BAD_CLAIMS = "bad_claims"
    NO_ROLE = "no_role"
    NO_USER = "no_user"
    UNVERIFIED_USER = "unverified_user"
    TOO_MANY_FAILURES = "too_many_failures"
    NOT_ALLOWED = "not_allowed"


# The token is genuine, but its claims give no rights.
WITHOUT_RIGHTS = frozenset({Refusal.NO_ROLE, Refusal.NO_USER, Refusal.UNVERIFIED_USER})


class NotAdmitted(Exception):  # noqa: N818 - reads as what it is
    """The token gives no access; `claimed` is whom it claims to be of, as far as that is no secret."""

    def __init__(self, reason: Refusal, claimed: str | None = None) -> None:
        super().__init__(reason.value)
        self.reason = reason
        self.claimed = claimed


class AccessUnavailable(Exception):  # noqa: N818 - reads as what it is
    """Who calls cannot be told right now, though it might be somebody who may."""


class Admission(NamedTuple):
    """Who it is, and for how many more seconds nobody need be asked again."""

    principal: Principal
    seconds: float


class Authenticator(Protocol):
    """Knows tokens of one kind."""

    def takes(self, token: str) -> bool:
        """Whether the token looks like one of its kind; no two kinds look alike."""

    async def authenticate(self, token: str) -> Admission:
        """Whose the token is; raises `NotAdmitted`, `AccessUnavailable` or a `StoreError`."""


class Access:
    """Asks the authenticator of a token's kind, once for all who show the same token at the same moment.

    What was answered stands for as long as the authenticator says, a refusal for `REMEMBERED_SECONDS`; of both the
    newest are remembered. Tokens are known by their SHA-256 alone: none is kept, all take the same room, and how long
    the look-up takes tells nothing of those that are known.
    """

    def __init__(self, authenticators: Sequence[Authenticator], clock: Callable[[], float] = time.monotonic) -> None:
        self._authenticators = authenticators
        self._clock = clock
        self._admitted = _Newest[tuple[Principal, float]](_MOST_ADMITTED)
        self._refused = _Newest[tuple[NotAdmitted, float]](_MOST_REFUSED)
        self._asked: dict[bytes, asyncio.Task[Principal]] = {}

    def known(self, token: str) -> Principal | None:
        """Whose the token is, if that need not be asked; the token is ASCII."""
        found = self._admitted.items.get(_digest(token))
        return found[0] if found is not None and self._clock() < found[1] else None

    def was_known(self, token: str) -> bool:
        """Whether the token was good when it was last asked about, however long ago that was."""
        return _digest(token) in self._admitted.items

    async def identify(self, token: str) -> Principal:
        """Whose the token is; raises as `Authenticator.authenticate` does."""
        digest = _digest(token)
        refused = self._refused.items.get(digest)
        if refused is not None and self._clock() < refused[1]:
            raise NotAdmitted(refused[0].reason, refused[0].claimed)
        asked = self._asked.get(digest)
        if asked is None:
            # A task of its own: whoever asked first may go away, and the others still want to know.
            asked = self._asked[digest] = asyncio.create_task(self._ask(token, digest))
            asked.add_done_callback(lambda done: self._forget(digest, done))
        return await asyncio.shield(asked)

    async def _ask(self, token: str, digest: bytes) -> Principal:
        began = self._clock()  # an answer is as old as its question
        try:
            principal, seconds = await self._authenticator_of(token).authenticate(token)
        except NotAdmitted as refusal:
            self._admitted.items.pop(digest, None)
            self._refused.add(digest, (refusal, began + REMEMBERED_SECONDS))
            raise
        self._admitted.add(digest, (principal, began + seconds))
        return principal

    def _authenticator_of(self, token: str) -> Authenticator:
        for authenticator in self._authenticators:
            if authenticator.takes(token):
                return authenticator
        raise NotAdmitted(Refusal.MALFORMED)

    def _forget(self, digest: bytes, asked: asyncio.Task[Principal]) -> None:
        self._asked.pop(digest, None)
        if not asked.cancelled():
            asked.exception()  # nobody may be left to take it


class _Newest(Generic[_T]):
    """Remembers at most so many; the one that was added first is forgotten first."""

    def __init__(self, most: int) -> None:
        self.items: dict[bytes, _T] = {}
        self._most = most

    def add(self, key: bytes, item: _T) -> None:
        self.items.pop(key, None)
        self.items[key] = item
        if len(self.items) > self._most:
            del self.items[next(iter(self.items))]


def _digest(token: str) -> bytes:
    return sha256(token.encode()).digest()
