"""A leader shows that it lives, and stores how far it has come."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from taskmanager.application.leadership import LeadershipLost, Term
from taskmanager.application.office import Office
from taskmanager.application.ports import StoreUnavailable
from tests.fakes.leadership import InMemoryLeadership, SharedOffice

Until = Callable[[Callable[[], object]], Any]
_OFTEN = 0.001
_NEVER = 60.0


async def elected(position: int = 0) -> tuple[InMemoryLeadership, Term]:
    leadership = InMemoryLeadership(SharedOffice(position=position))
    term = await leadership.try_acquire()
    assert term is not None
    return leadership, term


async def test_it_shows_life_without_being_asked(until: Until) -> None:
    leadership, term = await elected()
    office = Office(leadership, term, seconds_between=_OFTEN)
    holding = asyncio.create_task(office.hold())
    await until(lambda: leadership.confirmed >= 3)
    office.leave()

    await asyncio.wait_for(holding, 5)


async def test_a_position_is_stored_as_soon_as_it_is_reached(until: Until) -> None:
    leadership, term = await elected(10)
    office = Office(leadership, term, seconds_between=_NEVER)
    holding = asyncio.create_task(office.hold())
    office.reached(12)
    await until(lambda: leadership.office.position == 12)
    office.reached(11)
    assert office.position == 12
    office.reached(15)
    await until(lambda: leadership.office.position == 15)
    holding.cancel()


async def test_what_was_reached_at_the_end_is_stored_before_it_leaves() -> None:
    leadership, term = await elected()
    office = Office(leadership, term, seconds_between=_NEVER)
    office.reached(7)
    office.leave()
    await asyncio.wait_for(office.hold(), 5)

    assert leadership.office.position == 7


@pytest.mark.parametrize("reached", [0, 5])
async def test_a_lost_office_is_noticed_whatever_it_does(reached: int) -> None:
    leadership, term = await elected()
    office = Office(leadership, term, seconds_between=_OFTEN)
    leadership.lose()
    office.reached(reached)

    with pytest.raises(LeadershipLost):
        await asyncio.wait_for(office.hold(), 5)
    assert leadership.office.position == 0


async def test_a_store_that_does_not_answer_ends_it() -> None:
    leadership, term = await elected()
    leadership.failure = StoreUnavailable("away")

    with pytest.raises(StoreUnavailable):
        await asyncio.wait_for(Office(leadership, term, seconds_between=_OFTEN).hold(), 5)
