"""API keys on PostgreSQL, with the rights of the runtime role."""

from datetime import timedelta

import psycopg2
import pytest

from taskmanager.application.api_keys import digest_of
from taskmanager.application.ports import StoreConflict
from taskmanager.application.principal import Role
from taskmanager.application.use_cases.keys.create_key import CreateKey
from taskmanager.application.use_cases.keys.revoke_key import RevokeKey
from taskmanager.domain.values import UserEmail
from taskmanager.infrastructure.postgres.api_keys import PostgresKeyFinder, PostgresKeyStore
from taskmanager.infrastructure.postgres.pool import Reads
from taskmanager.infrastructure.postgres.session import Session
from tests.fakes.clock import FixedClock
from tests.scratch import ScratchDatabase


async def test_what_is_kept_is_found_by_the_digest_of_the_whole_key(session: Session, pool: Reads) -> None:
    clock, finder = FixedClock(), PostgresKeyFinder(pool)
    make = CreateKey(PostgresKeyStore(session), clock)
    secret, key = await make(
        Role.WRITER, name="x", user_email=UserEmail("ann@example.com"), expires_at=clock.now(), actor="ann"
    )
    assert await finder.find(digest_of(secret)) == key
    assert await finder.find(digest_of(secret[:-1])) is None
    assert await finder.find(digest_of(key.prefix)) is None


async def test_a_revoked_key_is_found_with_who_revoked_it(session: Session, pool: Reads) -> None:
    clock, store = FixedClock(), PostgresKeyStore(session)
    secret, key = await CreateKey(store, clock)(Role.READER, name="", user_email=None, expires_at=None, actor="ann")
    clock.pass_seconds(1)
    first = await RevokeKey(store, clock)(key.prefix, "bob")
    clock.pass_seconds(1)
    second = await RevokeKey(store, clock)(key.prefix, "eve")
    found = await PostgresKeyFinder(pool).find(digest_of(secret))
    assert first is not None
    assert second is not None
    assert (first.is_new, second.is_new) == (True, False)
    assert first.key == second.key == found
    assert (found.revoked_by, found.revoked_at) == ("bob", key.created_at + timedelta(seconds=1))


async def test_a_prefix_that_is_taken_is_a_conflict(session: Session) -> None:
    store = PostgresKeyStore(session)
    _, key = await CreateKey(store, FixedClock())(Role.READER, name="", user_email=None, expires_at=None, actor="ann")
    with pytest.raises(StoreConflict):
        await store.add(key, "another digest")
    assert len(await store.all()) == 1


async def test_the_last_use_never_goes_back(session: Session, pool: Reads, database: ScratchDatabase) -> None:
    clock, finder = FixedClock(), PostgresKeyFinder(pool)
    make = CreateKey(PostgresKeyStore(session), clock)
    keys = [(await make(Role.READER, name="", user_email=None, expires_at=None, actor="ann"))[1] for _ in range(3)]
    noon = clock.now()
    await finder.note_uses({key.id: noon for key in keys[:2]})
    await finder.note_uses({keys[0].id: noon + timedelta(seconds=5), keys[1].id: noon - timedelta(seconds=5)})
    used = dict(database.run("select id::text, last_used_at from api_keys"))
    assert [used[key.id] for key in keys] == [noon + timedelta(seconds=5), noon, None]


@pytest.mark.parametrize(
    "change",
    [
        "update api_keys set role = 'admin'",
        "update api_keys set user_email = null",
        "update api_keys set expires_at = null",
        "update api_keys set digest = 'x'",
        "delete from api_keys",
    ],
)
def test_what_a_key_may_do_is_never_changed(database: ScratchDatabase, change: str) -> None:
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        database.run(change, role="app")
