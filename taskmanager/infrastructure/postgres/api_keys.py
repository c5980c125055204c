"""Keeps API keys in PostgreSQL."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import orjson

from taskmanager.application.api_keys import ApiKey
from taskmanager.application.principal import Role
from taskmanager.infrastructure.postgres.pool import Reads
from taskmanager.infrastructure.postgres.session import Row, Session
from taskmanager.infrastructure.postgres.statements import load_statements


class PostgresKeyFinder:
    """Implements `KeyFinder`; raises what the pool raises."""

    def __init__(self, pool: Reads) -> None:
        self._pool = pool
        self._statements = load_statements("api_keys")

    async def find(self, digest: str) -> ApiKey | None:
        """See `KeyFinder.find`."""
        rows = await self._pool.fetch(self._statements["find"], {"digest": digest})
        return _key(rows[0]) if rows else None

    async def note_uses(self, used_at: Mapping[str, datetime]) -> None:
        """See `KeyFinder.note_uses`."""
        uses = [{"id": key_id, "at": at} for key_id, at in used_at.items()]
        await self._pool.fetch(self._statements["note_uses"], {"uses": orjson.dumps(uses).decode()})


class PostgresKeyStore:
    """Implements `KeyStore`; each method is a transaction of its own."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._statements = load_statements("api_keys")

    async def add(self, key: ApiKey, digest: str) -> None:
        """See `KeyStore.add`."""
        columns = {
            "id": key.id,
            "prefix": key.prefix,
            "digest": digest,
            "name": key.name,
            "role": key.role.value,
            "user_email": key.user_email,
            "created_at": key.created_at,
            "created_by": key.created_by,
            "expires_at": key.expires_at,
        }
        await self._session.execute(self._statements["add"], columns)

    async def all(self) -> Sequence[ApiKey]:
        """See `KeyStore.all`."""
        return [_key(row) for row in await self._session.execute(self._statements["all"])]

    async def revoke(self, prefix: str, at: datetime, actor: str) -> ApiKey | None:
        """See `KeyStore.revoke`."""
        rows = await self._session.execute(self._statements["revoke"], {"prefix": prefix, "at": at, "actor": actor})
        return _key(rows[0]) if rows else None


def _key(row: Row) -> ApiKey:
    id_, prefix, name, role, email, created, created_by, expires, revoked, revoked_by, used = row
    return ApiKey(
        id=id_,
        prefix=prefix,
        name=name,
        role=Role(role),
        user_email=email,
        created_at=created.astimezone(UTC),
        created_by=created_by,
        expires_at=_utc(expires),
        revoked_at=_utc(revoked),
        revoked_by=revoked_by,
        last_used_at=_utc(used),
    )


def _utc(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.astimezone(UTC)
