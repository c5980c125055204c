"""API keys: what they look like, what is kept of them, and what is needed of the store."""

import re
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import NamedTuple, Protocol

import msgspec

from taskmanager.application.principal import Role
from taskmanager.domain.values import UserEmail

_PREFIX_BYTES = 5
_SECRET_BYTES = 32
_KEY = re.compile(r"tm_([0-9a-f]{10})_[A-Za-z0-9_-]{43}", re.ASCII).fullmatch
_PREFIX = re.compile(r"(?:tm_)?([0-9a-f]{10})(?:_.*)?", re.ASCII).fullmatch


class Secret(NamedTuple):
    """A new key in clear, which is shown once and kept nowhere, and the public part of it."""

    key: str
    prefix: str


class ApiKey(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What is known of a key; times in UTC. A key without `user_email` is not bound to a user."""

    id: str
    prefix: str
    name: str
    role: Role
    user_email: str | None
    created_at: datetime
    created_by: str | None
    expires_at: datetime | None
    revoked_at: datetime | None
    revoked_by: str | None
    last_used_at: datetime | None

    def is_expired(self, now: datetime) -> bool:
        """Whether its time is over."""
        return self.expires_at is not None and self.expires_at <= now


def new_secret() -> Secret:
    """A key that nobody can guess: 256 random bits behind a prefix by which people tell keys apart."""
    prefix = secrets.token_hex(_PREFIX_BYTES)
    return Secret(f"tm_{prefix}_{secrets.token_urlsafe(_SECRET_BYTES)}", prefix)


def digest_of(key: str) -> str:
    """What is kept of a key: SHA-256 in hexadecimal. So many random bits need no slower hash."""
    return sha256(key.encode()).hexdigest()


def prefix_of(key: str) -> str | None:
    """The public part of a text that has the form of a key."""
    match = _KEY(key)
    return match[1] if match else None


def named_prefix(text: str) -> str | None:
    """The prefix that somebody means who writes it with or without `tm_`, or the whole key."""
    match = _PREFIX(text)
    return match[1] if match else None


class KeyFinder(Protocol):
    """Where callers' keys are looked up."""

    async def find(self, digest: str) -> ApiKey | None:
        """The key with this digest; may raise a `StoreError`."""

    async def note_uses(self, used_at: Mapping[str, datetime]) -> None:
        """Keeps when keys, by id, were last used; may raise a `StoreError`."""


class KeyStore(Protocol):
    """Where keys are administered; every method may raise a `StoreError`."""

    async def add(self, key: ApiKey, digest: str) -> None:
        """Keeps a new key; raises `StoreConflict` where its prefix is taken."""

    async def all(self) -> Sequence[ApiKey]:
        """Every key that there ever was, the oldest first."""

    async def revoke(self, prefix: str, at: datetime, actor: str) -> ApiKey | None:
        """The key with this prefix, revoked now if it was not before; None if there is none."""


def bound_to(user_email: str | None) -> UserEmail | None:
    """The user whose tasks alone a key is for; raises `InvalidValue`."""
    return None if user_email is None else UserEmail(user_email)
