"""One housekeeper works, the others wait."""

import asyncio
from collections.abc import Awaitable, Callable

from taskmanager.application.ports import StoreUnavailable
from taskmanager.application.use_cases.housekeeping.lead import LeadHousekeeping
from tests.fakes.leadership import InMemoryLeadership, SharedOffice


class Candidate:
    """A housekeeper that counts its rounds, and the calls that show its life."""

    def __init__(self, office: SharedOffice, interval: float = 0.0) -> None:
        self.leadership = InMemoryLeadership(office)
        self.stopping = asyncio.Event()
        self.rounds = asyncio.Semaphore(0)
        self.beats = 0
        self.is_leader = False
        self.work: Callable[[], Awaitable[None]] | None = None
        self.aside: Callable[[], Awaitable[None]] | None = None
        self._lead = LeadHousekeeping(
            self.leadership, self._round, self._beside, self, self, interval=interval, stopping=self.stopping
        )
        self.running = asyncio.create_task(self._lead.run())

    def beat(self) -> None:
        self.beats += 1

    def leads(self, is_leader: bool) -> None:
        self.is_leader = is_leader

    async def _round(self, may_go_on: Callable[[], bool]) -> None:
        self.rounds.release()
        if self.work is not None:
            await self.work()
        await asyncio.sleep(0)

    async def _beside(self) -> None:
        if self.aside is not None:
            await self.aside()

    async def stop(self) -> None:
        self.stopping.set()
        await asyncio.wait_for(self.running, 5)


async def test_the_leader_works_round_after_round_and_gives_its_office_back() -> None:
    office = SharedOffice()
    one = Candidate(office)
    for _ in range(3):
        await asyncio.wait_for(one.rounds.acquire(), 5)
    assert one.is_leader
    await one.stop()

    assert office.journal == ["acquired", "resigned"]
    assert not one.is_leader
    assert one.beats > 0


async def test_another_takes_over_when_the_leader_stops() -> None:
    office = SharedOffice()
    one = Candidate(office)
    await asyncio.wait_for(one.rounds.acquire(), 5)
    other = Candidate(office)
    await asyncio.wait_for(one.rounds.acquire(), 5)
    assert other.rounds.locked()
    await one.stop()
    await asyncio.wait_for(other.rounds.acquire(), 5)
    assert other.is_leader
    await other.stop()


async def test_who_loses_the_office_drops_the_round_in_hand_and_campaigns_again() -> None:
    office = SharedOffice()
    one = Candidate(office)
    dropped = asyncio.Event()

    async def for_ever() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            dropped.set()

    one.work = for_ever
    await asyncio.wait_for(one.rounds.acquire(), 5)
    one.leadership.lose()
    await asyncio.wait_for(dropped.wait(), 5)
    one.work = None
    await asyncio.wait_for(one.rounds.acquire(), 5)

    assert office.epoch == 2
    await one.stop()


async def test_a_database_that_is_away_is_asked_again() -> None:
    office = SharedOffice()
    one = Candidate(office)
    one.leadership.failure = StoreUnavailable("away")
    await asyncio.sleep(0)
    assert not one.is_leader
    one.leadership.failure = None
    await asyncio.wait_for(one.rounds.acquire(), 5)
    await one.stop()


async def test_a_stop_does_not_wait_for_the_next_round() -> None:
    one = Candidate(SharedOffice(), interval=3600)
    await asyncio.wait_for(one.rounds.acquire(), 5)
    await one.stop()
    assert one.running.done()


async def test_a_stop_before_the_first_campaign_ends_at_once() -> None:
    office = SharedOffice()
    one = Candidate(office)
    await one.stop()
    assert office.journal == []


class Archiving:
    """Work that takes long, and its end a moment, too."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.cancelled = asyncio.Event()
        self.may_end = asyncio.Event()
        self.is_over = False

    async def __call__(self) -> None:
        self.begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.cancelled.set()
            await self.may_end.wait()
            self.is_over = True


async def test_rounds_go_on_while_something_takes_long() -> None:
    one = Candidate(SharedOffice())
    one.aside = archiving = Archiving()
    await asyncio.wait_for(archiving.begun.wait(), 5)
    archiving.may_end.set()
    while not one.rounds.locked():
        await one.rounds.acquire()
    for _ in range(3):
        await asyncio.wait_for(one.rounds.acquire(), 5)

    assert not archiving.cancelled.is_set()
    await one.stop()
    assert archiving.is_over


async def test_a_stop_cancels_what_takes_long_and_keeps_the_office_until_it_has_ended() -> None:
    office = SharedOffice()
    one = Candidate(office)
    one.aside = archiving = Archiving()
    await asyncio.wait_for(archiving.begun.wait(), 5)
    one.stopping.set()
    await asyncio.wait_for(archiving.cancelled.wait(), 5)

    assert office.journal == ["acquired"]
    archiving.may_end.set()
    await asyncio.wait_for(one.running, 5)
    assert archiving.is_over
    assert office.journal == ["acquired", "resigned"]


async def test_who_loses_the_office_gives_up_what_takes_long() -> None:
    one = Candidate(SharedOffice())
    one.aside = archiving = Archiving()
    archiving.may_end.set()
    await asyncio.wait_for(archiving.begun.wait(), 5)
    one.leadership.lose()
    await asyncio.wait_for(archiving.cancelled.wait(), 5)
    one.aside = None
    await one.stop()

    assert archiving.is_over
