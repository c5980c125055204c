"""What is remembered of tokens, and for how long."""

import asyncio

import pytest

from taskmanager.application.access import REMEMBERED_SECONDS, Access, Admission, NotAdmitted, Refusal
from taskmanager.application.ports import StoreUnavailable
from taskmanager.application.principal import Principal, Role
from tests.fakes.seconds import Seconds


class Book:
    """An authenticator that knows some tokens, each for `seconds`."""

    def __init__(self, kind: str = "t-") -> None:
        self._kind = kind
        self.good: set[str] = set()
        self.asked: list[str] = []
        self.failure: Exception | None = None
        self.gate = asyncio.Event()
        self.gate.set()
        self.seconds = 4.0

    def takes(self, token: str) -> bool:
        return token.startswith(self._kind)

    async def authenticate(self, token: str) -> Admission:
        self.asked.append(token)
        await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        if token not in self.good:
            raise NotAdmitted(Refusal.UNKNOWN, "somebody")
        return Admission(Principal(token, Role.READER), self.seconds)


@pytest.fixture
def book() -> Book:
    book = Book()
    book.good = {"t-ann", "t-bob"}
    return book


@pytest.fixture
def clock() -> Seconds:
    return Seconds()


@pytest.fixture
def access(book: Book, clock: Seconds) -> Access:
    return Access([Book("other-"), book], clock)


async def test_a_token_is_asked_about_once_in_its_time(access: Access, book: Book, clock: Seconds) -> None:
    assert access.known("t-ann") is None
    assert (await access.identify("t-ann")).id == "t-ann"
    clock.now += 3.99
    assert access.known("t-ann") == Principal("t-ann", Role.READER)
    assert access.known("t-bob") is None
    clock.now += 0.01
    assert access.known("t-ann") is None
    assert access.was_known("t-ann")
    assert book.asked == ["t-ann"]


async def test_the_time_begins_with_the_question(access: Access, book: Book, clock: Seconds) -> None:
    book.gate.clear()
    asked = asyncio.create_task(access.identify("t-ann"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    clock.now += 3
    book.gate.set()
    await asked
    clock.now += 1
    assert access.known("t-ann") is None


async def test_what_was_taken_back_is_refused_once_it_is_asked_about_again(
    access: Access, book: Book, clock: Seconds
) -> None:
    await access.identify("t-ann")
    book.good.clear()
    clock.now += REMEMBERED_SECONDS
    with pytest.raises(NotAdmitted):
        await access.identify("t-ann")
    assert not access.was_known("t-ann")


async def test_a_refusal_is_remembered_too_but_not_for_longer(access: Access, book: Book, clock: Seconds) -> None:
    for _ in range(3):
        with pytest.raises(NotAdmitted) as caught:
            await access.identify("t-new")
        assert (caught.value.reason, caught.value.claimed) == (Refusal.UNKNOWN, "somebody")
    assert book.asked == ["t-new"]
    book.good.add("t-new")
    clock.now += REMEMBERED_SECONDS
    assert (await access.identify("t-new")).id == "t-new"


async def test_a_store_that_is_away_neither_admits_nor_refuses(access: Access, book: Book, clock: Seconds) -> None:
    await access.identify("t-ann")
    book.failure = StoreUnavailable("away")
    assert access.known("t-ann")
    clock.now += REMEMBERED_SECONDS
    with pytest.raises(StoreUnavailable):
        await access.identify("t-ann")
    book.failure = None
    assert await access.identify("t-ann")


async def test_all_who_show_a_token_at_once_share_one_question(access: Access, book: Book) -> None:
    book.gate.clear()
    waiting = [asyncio.create_task(access.identify("t-ann")) for _ in range(50)]
    await asyncio.sleep(0)
    waiting[0].cancel()  # whoever asked first may go away
    await asyncio.sleep(0)
    book.gate.set()
    assert {principal.id for principal in await asyncio.gather(*waiting[1:])} == {"t-ann"}
    assert book.asked == ["t-ann"]


async def test_a_failure_that_nobody_waits_for_any_more_is_no_failure(access: Access, book: Book) -> None:
    book.gate.clear()
    book.failure = StoreUnavailable("away")
    waiting = asyncio.create_task(access.identify("t-ann"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait({waiting})
    book.gate.set()
    with pytest.raises(StoreUnavailable):
        await access.identify("t-ann")


async def test_a_token_of_no_kind_is_malformed(access: Access, book: Book) -> None:
    with pytest.raises(NotAdmitted, match="malformed"):
        await access.identify("what")
    assert not book.asked


async def test_a_flood_of_tokens_takes_bounded_room_and_does_not_push_out_good_ones(access: Access, book: Book) -> None:
    await access.identify("t-ann")
    for number in range(11_000):
        with pytest.raises(NotAdmitted):
            await access.identify(f"t-{number}")
    assert access.known("t-ann")
    assert len(access._refused.items) == 10_000
