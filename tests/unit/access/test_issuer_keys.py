"""The keys of an issuer that comes and goes."""

import asyncio
from collections.abc import Callable
from functools import partial

import pytest

from taskmanager.application.access import AccessUnavailable
from taskmanager.infrastructure.identity.endpoint import FetchError
from taskmanager.infrastructure.identity.issuer_keys import IssuerKeys
from taskmanager.infrastructure.identity.key_set import read_key_set
from tests.fakes.issuer import Issuer
from tests.fakes.seconds import Seconds


class Provider:
    """Publishes some of the issuer's keys, unless it is away; `gate` holds its answers back."""

    def __init__(self, issuer: Issuer) -> None:
        self._issuer = issuer
        self.published = ["rsa"]
        self.is_away = False
        self.asked = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def fetch(self) -> bytes:
        self.asked += 1
        await self.gate.wait()
        if self.is_away:
            raise FetchError("away")
        return self._issuer.document(*self.published)


async def until(condition: Callable[[], bool]) -> None:
    """Returns once it holds; the test's own time limit ends a wait in vain."""
    while not condition():  # noqa: ASYNC110 - asked, not told
        await asyncio.sleep(0.001)


@pytest.fixture
def provider(issuer: Issuer) -> Provider:
    return Provider(issuer)


@pytest.fixture
def clock() -> Seconds:
    return Seconds()


@pytest.fixture
def keys(provider: Provider, clock: Seconds) -> IssuerKeys:
    return IssuerKeys(provider.fetch, partial(read_key_set, accepted=("RS256", "ES256")), clock=clock)


@pytest.fixture
async def stopped() -> asyncio.Event:
    return asyncio.Event()


async def test_the_issuer_is_asked_when_a_key_is_wanted(keys: IssuerKeys, provider: Provider) -> None:
    assert await keys.find("rsa", "RS256")
    assert await keys.find("rsa", "RS256")
    assert provider.asked == 1


async def test_a_new_key_is_found_as_soon_as_a_token_names_it(
    keys: IssuerKeys, provider: Provider, clock: Seconds
) -> None:
    await keys.find("rsa", "RS256")
    provider.published.append("ec")
    clock.now += 5
    assert await keys.find("ec", "ES256")


async def test_made_up_ids_do_not_make_it_ask_more_often_than_every_five_seconds(
    keys: IssuerKeys, provider: Provider, clock: Seconds
) -> None:
    for number in range(1000):
        clock.now += 0.02
        assert await keys.find(f"made-up-{number}", "RS256") is None
    assert provider.asked <= 5


async def test_all_who_want_an_unknown_key_at_once_share_one_question(keys: IssuerKeys, provider: Provider) -> None:
    provider.gate.clear()
    waiting = [asyncio.create_task(keys.find("rsa", "RS256")) for _ in range(50)]
    await asyncio.sleep(0)
    waiting[0].cancel()  # whoever asked first may go away
    await asyncio.sleep(0)
    provider.gate.set()
    assert all(await asyncio.gather(*waiting[1:]))
    assert provider.asked == 1


async def test_the_last_good_keys_stay_while_the_issuer_is_away(
    keys: IssuerKeys, provider: Provider, clock: Seconds
) -> None:
    await keys.find("rsa", "RS256")
    provider.is_away = True
    clock.now += 1000
    with pytest.raises(AccessUnavailable):  # it might be a new one
        await keys.find("ec", "ES256")
    assert await keys.find("rsa", "RS256")


async def test_without_any_answer_yet_nobody_can_tell_who_calls(
    keys: IssuerKeys, provider: Provider, clock: Seconds
) -> None:
    provider.is_away = True
    with pytest.raises(AccessUnavailable):
        await keys.find("rsa", "RS256")
    provider.is_away = False
    clock.now += 5
    assert await keys.find("rsa", "RS256")


async def test_a_page_that_is_no_key_set_changes_nothing(issuer: Issuer, clock: Seconds) -> None:
    answers = [issuer.document("rsa"), b"<html>maintenance</html>"]

    async def fetch() -> bytes:
        return answers.pop(0)

    keys = IssuerKeys(fetch, partial(read_key_set, accepted=("RS256",)), clock=clock)
    assert await keys.find("rsa", "RS256")
    clock.now += 5
    with pytest.raises(AccessUnavailable):
        await keys.find("new", "RS256")
    assert await keys.find("rsa", "RS256")


async def test_a_key_that_was_withdrawn_is_forgotten_by_itself(provider: Provider, stopped: asyncio.Event) -> None:
    keys = IssuerKeys(
        provider.fetch, partial(read_key_set, accepted=("RS256", "ES256")), refresh_seconds=0.001, retry_seconds=0.001
    )
    provider.published = ["rsa", "ec"]
    running = asyncio.create_task(keys.run(stopped))
    assert await keys.find("ec", "ES256")
    provider.is_away = True
    seen = provider.asked
    await until(lambda: provider.asked >= seen + 3)
    provider.published, provider.is_away = ["rsa"], False
    await until(lambda: provider.asked >= seen + 6)
    stopped.set()
    await running
    assert await keys.find("ec", "ES256") is None


async def test_it_stops_while_the_issuer_keeps_it_waiting(
    keys: IssuerKeys, provider: Provider, stopped: asyncio.Event
) -> None:
    provider.gate.clear()
    running = asyncio.create_task(keys.run(stopped))
    await until(lambda: provider.asked > 0)
    stopped.set()
    await running
