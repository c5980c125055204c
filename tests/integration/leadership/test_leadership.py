"""Of several candidates one leads; whoever lost the lock, for whatever reason, can move nothing any more."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from time import monotonic

import pytest
from psycopg2.extensions import parse_dsn

from taskmanager.application.leadership import LeadershipLost, Term
from taskmanager.application.ports import StoreUnavailable
from taskmanager.devstack import StackInfo
from taskmanager.infrastructure.postgres.leadership import PostgresLeadership
from taskmanager.infrastructure.postgres.session import Session
from tests.scratch import ScratchDatabase, scratch_database


@dataclass
class Candidate:
    """A candidate and the session that it uses."""

    leadership: PostgresLeadership
    session: Session

    async def backend(self) -> int:
        """The process of the server that serves the session."""
        ((pid,),) = await self.session.execute("select pg_backend_pid()")
        return int(pid)


Candidates = Callable[..., Candidate]


@pytest.fixture
async def candidate(database: ScratchDatabase) -> AsyncIterator[Candidates]:
    """Makes candidates, for the relay unless told otherwise."""
    made: list[Candidate] = []

    def make(name: str = "relay", lease: float = 3.0, database: ScratchDatabase = database) -> Candidate:
        session = Session(parse_dsn(database.dsn("app")), timeout=30)
        made.append(Candidate(PostgresLeadership(session, name, lease=lease), session))
        return made[-1]

    yield make
    for each in made:
        await each.session.close()


async def elected(candidate: Candidate) -> Term:
    """Campaigns until it leads."""
    async with asyncio.timeout(20):
        while (term := await candidate.leadership.try_acquire()) is None:
            pass
    return term


async def stored(database: ScratchDatabase) -> tuple[int, int]:
    """Epoch and position."""
    ((epoch, position),) = await asyncio.to_thread(database.run, "select epoch, position from event_readers")
    return epoch, position


def confirming(leader: Candidate) -> Awaitable[None]:
    return leader.leadership.confirm()


def moving(leader: Candidate) -> Awaitable[None]:
    return leader.leadership.move(99)


uses_its_office = pytest.mark.parametrize("use", [confirming, moving])


async def test_of_two_candidates_one_leads(candidate: Candidates) -> None:
    first, second = candidate(), candidate()

    assert await first.leadership.try_acquire() == Term(epoch=1, position=0)
    assert await second.leadership.try_acquire() is None
    await first.leadership.confirm()


async def test_other_names_and_other_databases_have_leaders_of_their_own(
    candidate: Candidates, stack: StackInfo, template_database: str
) -> None:
    with scratch_database(stack, template_database) as elsewhere:
        for each in (candidate("relay"), candidate("housekeeper"), candidate("relay", database=elsewhere)):
            assert await each.leadership.try_acquire() is not None


async def test_the_next_term_goes_on_from_the_position_with_another_epoch(candidate: Candidates) -> None:
    first, second = candidate(), candidate()
    await first.leadership.try_acquire()
    await first.leadership.move(7)
    await first.leadership.confirm()
    await first.leadership.move(12)
    await first.leadership.resign()
    await first.leadership.resign()

    assert await second.leadership.try_acquire() == Term(epoch=2, position=12)
    assert await first.leadership.try_acquire() is None


@uses_its_office
async def test_whoever_does_not_lead_is_told_so(
    candidate: Candidates, use: Callable[[Candidate], Awaitable[None]]
) -> None:
    never, former = candidate(), candidate()
    with pytest.raises(LeadershipLost):
        await use(never)
    await former.leadership.try_acquire()
    await former.leadership.resign()
    with pytest.raises(LeadershipLost):
        await use(former)


@uses_its_office
async def test_a_leader_whose_session_was_ended_learns_so_and_does_not_reconnect(
    candidate: Candidates, database: ScratchDatabase, use: Callable[[Candidate], Awaitable[None]]
) -> None:
    leader, other = candidate(), candidate()
    await leader.leadership.try_acquire()
    await asyncio.to_thread(
        database.run, "select pg_terminate_backend(%s, 5000)", (await leader.backend(),), role="superuser"
    )

    with pytest.raises(LeadershipLost):
        await use(leader)
    with pytest.raises(LeadershipLost):
        await use(leader)
    assert await other.leadership.try_acquire() == Term(epoch=2, position=0)


@uses_its_office
async def test_a_session_that_was_opened_anew_is_not_taken_for_the_one_with_the_lock(
    candidate: Candidates, database: ScratchDatabase, use: Callable[[Candidate], Awaitable[None]]
) -> None:
    leader = candidate()
    await leader.leadership.try_acquire()
    await asyncio.to_thread(
        database.run, "select pg_terminate_backend(%s, 5000)", (await leader.backend(),), role="superuser"
    )
    with pytest.raises(StoreUnavailable):
        await leader.session.execute("select 1")
    await leader.session.execute("select 1")

    with pytest.raises(LeadershipLost):
        await use(leader)
    assert await stored(database) == (1, 0)


async def test_a_lock_that_is_gone_although_the_session_lives_is_noticed(candidate: Candidates) -> None:
    leader = candidate()
    await leader.leadership.try_acquire()
    await leader.session.execute("select pg_advisory_unlock_all()")

    with pytest.raises(LeadershipLost):
        await leader.leadership.confirm()


async def test_a_leader_that_shows_no_life_is_succeeded_within_five_seconds(
    candidate: Candidates, database: ScratchDatabase
) -> None:
    frozen, other = candidate(), candidate()
    await frozen.leadership.try_acquire()
    await frozen.leadership.move(5)
    began = monotonic()

    assert await elected(other) == Term(epoch=2, position=5)
    assert 2 < monotonic() - began < 5

    with pytest.raises(LeadershipLost):
        await frozen.leadership.move(6)
    assert await stored(database) == (2, 5)


async def test_a_leader_that_shows_life_stays_for_longer_than_its_lease(candidate: Candidates) -> None:
    leader, other = candidate(lease=0.5), candidate()
    await leader.leadership.try_acquire()
    began = monotonic()
    while monotonic() - began < 1.5:
        await leader.leadership.confirm()
        assert await other.leadership.try_acquire() is None


async def test_the_epoch_stops_an_earlier_leader_whose_session_lives(
    candidate: Candidates, database: ScratchDatabase
) -> None:
    earlier, later = candidate(), candidate()
    await earlier.leadership.try_acquire()
    await earlier.leadership.move(3)
    await earlier.session.execute("select pg_advisory_unlock_all()")
    await elected(later)
    await later.leadership.move(4)

    with pytest.raises(LeadershipLost):
        await earlier.leadership.move(9)
    assert await stored(database) == (2, 4)


async def test_a_position_never_goes_back(candidate: Candidates, database: ScratchDatabase) -> None:
    leader = candidate()
    await leader.leadership.try_acquire()
    await leader.leadership.move(9)
    with pytest.raises(ValueError, match="back from 9 to 8"):
        await leader.leadership.move(8)

    await leader.leadership.move(9)
    assert await stored(database) == (1, 9)


async def test_a_standby_that_polls_is_not_bound_by_the_lease(candidate: Candidates) -> None:
    leader, standby = candidate(), candidate()
    await leader.leadership.try_acquire()
    await standby.leadership.try_acquire()

    assert await standby.session.execute("show idle_session_timeout") == [("0",)]
    await leader.leadership.resign()
    assert await leader.session.execute("show idle_session_timeout") == [("0",)]
    assert await leader.session.execute("show synchronous_commit") == [("on",)]


async def test_a_server_that_is_away_is_an_outage_and_not_a_defeat(database: ScratchDatabase) -> None:
    session = Session(parse_dsn(database.dsn("app")) | {"port": 1}, timeout=5)
    with pytest.raises(StoreUnavailable):
        await PostgresLeadership(session, "relay").try_acquire()
    await session.close()


async def test_overlapping_calls_take_turns(candidate: Candidates, database: ScratchDatabase) -> None:
    leader = candidate()
    await leader.leadership.try_acquire()

    await asyncio.gather(
        *(leader.leadership.move(position) for position in range(1, 50)),
        *(leader.leadership.confirm() for _ in range(50)),
    )

    assert await stored(database) == (1, 49)
