"""Which API keys are good, and what is noted of their use."""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta

import pytest

from taskmanager.application.access import NotAdmitted, Refusal
from taskmanager.application.api_keys import ApiKey, digest_of, named_prefix, new_secret, prefix_of
from taskmanager.application.ports import StoreConflict, StoreUnavailable
from taskmanager.application.principal import Principal, Role
from taskmanager.application.use_cases.keys.authenticate_key import AuthenticateKey
from taskmanager.application.use_cases.keys.create_key import CreateKey
from taskmanager.application.use_cases.keys.note_uses import NoteUses
from tests.builders import at
from tests.fakes.clock import FixedClock

SECRET = new_secret()


def record(**changed: object) -> ApiKey:
    known: dict[str, object] = {
        "id": "1", "prefix": SECRET.prefix, "name": "gateway", "role": Role.WRITER, "user_email": None,
        "created_at": at(0), "created_by": "ann", "expires_at": None, "revoked_at": None, "revoked_by": None,
        "last_used_at": None,
    }  # fmt: skip
    return ApiKey(**known | changed)


class Rows:
    """A `KeyFinder` in memory."""

    def __init__(self) -> None:
        self.rows = {digest_of(SECRET.key): record()}
        self.noted: list[Mapping[str, datetime]] = []
        self.is_away = False

    async def find(self, digest: str) -> ApiKey | None:
        return self.rows.get(digest)

    async def note_uses(self, used_at: Mapping[str, datetime]) -> None:
        if self.is_away:
            raise StoreUnavailable("away")
        self.noted.append(used_at)


@pytest.fixture
def rows() -> Rows:
    return Rows()


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def uses(rows: Rows) -> NoteUses:
    return NoteUses(rows, interval_seconds=0.001)


@pytest.fixture
def authenticate(rows: Rows, clock: FixedClock, uses: NoteUses) -> AuthenticateKey:
    return AuthenticateKey(rows, clock, uses)


async def refusal(authenticate: AuthenticateKey, key: str = SECRET.key) -> NotAdmitted:
    with pytest.raises(NotAdmitted) as caught:
        await authenticate.authenticate(key)
    return caught.value


async def test_a_good_key_tells_who_it_is(authenticate: AuthenticateKey) -> None:
    admission = await authenticate.authenticate(SECRET.key)
    assert admission == (Principal(f"key:{SECRET.prefix}", Role.WRITER, None, "gateway"), 4.0)


async def test_a_bound_key_is_bound(authenticate: AuthenticateKey, rows: Rows) -> None:
    rows.rows[digest_of(SECRET.key)] = record(user_email="ann@example.com", name="")
    principal = (await authenticate.authenticate(SECRET.key)).principal
    assert (principal.user_email, principal.name) == ("ann@example.com", None)


async def test_a_key_ends_to_the_moment(authenticate: AuthenticateKey, rows: Rows, clock: FixedClock) -> None:
    rows.rows[digest_of(SECRET.key)] = record(expires_at=clock.now() + timedelta(seconds=1.5))
    assert (await authenticate.authenticate(SECRET.key)).seconds == 1.5
    clock.pass_seconds(1.5)
    assert (await refusal(authenticate)).reason is Refusal.EXPIRED


@pytest.mark.parametrize(
    ("changed", "reason"),
    [({"revoked_at": at(1)}, Refusal.REVOKED), ({"user_email": "not an address"}, Refusal.NO_USER)],
)
async def test_a_key_that_is_good_no_more_is_refused_by_its_name(
    authenticate: AuthenticateKey, rows: Rows, uses: NoteUses, changed: dict[str, object], reason: Refusal
) -> None:
    rows.rows[digest_of(SECRET.key)] = record(**changed)
    refused = await refusal(authenticate)
    assert (refused.reason, refused.claimed) == (reason, f"key:{SECRET.prefix}")
    await uses.write()
    assert rows.noted == []


async def test_the_right_prefix_with_another_secret_is_refused(authenticate: AuthenticateKey) -> None:
    other = f"tm_{SECRET.prefix}_{new_secret().key.split('_', 2)[2]}"
    assert (await refusal(authenticate, other)).reason is Refusal.UNKNOWN


@pytest.mark.parametrize(
    "key",
    ["tm_", "tm_x_y", SECRET.key + "=", SECRET.key[:-1], SECRET.key.upper(), SECRET.key + "\n"],
    ids=["empty", "short", "longer", "shorter", "upper case", "new line"],
)
async def test_what_has_not_the_form_of_a_key_is_not_looked_up(authenticate: AuthenticateKey, key: str) -> None:
    assert (await refusal(authenticate, key)).reason is Refusal.MALFORMED


def test_new_keys_have_the_form_of_keys() -> None:
    for _ in range(200):
        secret = new_secret()
        assert prefix_of(secret.key) == named_prefix(secret.key) == named_prefix(secret.prefix) == secret.prefix


async def test_uses_are_written_together_and_the_newest_counts(uses: NoteUses, rows: Rows) -> None:
    uses.used("1", at(1))
    uses.used("2", at(2))
    uses.used("1", at(3))
    await uses.write()
    await uses.write()
    assert rows.noted == [{"1": at(3), "2": at(2)}]


async def test_uses_wait_for_a_store_that_is_away(uses: NoteUses, rows: Rows) -> None:
    rows.is_away = True
    uses.used("1", at(1))
    uses.used("2", at(1))
    await uses.write()
    uses.used("1", at(2))
    rows.is_away = False
    await uses.write()
    assert rows.noted == [{"1": at(2), "2": at(1)}]


async def test_uses_are_written_now_and_then_and_at_the_end(rows: Rows) -> None:
    uses, stopped = NoteUses(rows, interval_seconds=0.001), asyncio.Event()
    running = asyncio.create_task(uses.run(stopped))
    uses.used("1", at(1))
    while not rows.noted:  # noqa: ASYNC110 - asked, not told
        await asyncio.sleep(0.001)
    stopped.set()
    uses.used("1", at(2))
    await running
    assert rows.noted == [{"1": at(1)}, {"1": at(2)}]


async def test_a_prefix_that_is_drawn_twice_is_drawn_again(clock: FixedClock) -> None:
    class Store:
        def __init__(self, conflicts: int) -> None:
            self.conflicts = conflicts
            self.prefixes: list[str] = []

        async def add(self, key: ApiKey, digest: str) -> None:
            self.prefixes.append(key.prefix)
            if len(self.prefixes) <= self.conflicts:
                raise StoreConflict("taken")

    store = Store(conflicts=2)
    secret, key = await CreateKey(store, clock)(Role.READER, name="", user_email=None, expires_at=None, actor="ann")
    assert prefix_of(secret) == key.prefix == store.prefixes[2]
    assert len({*store.prefixes}) == 3
    with pytest.raises(StoreConflict):
        await CreateKey(Store(conflicts=9), clock)(Role.READER, name="", user_email=None, expires_at=None, actor="ann")
