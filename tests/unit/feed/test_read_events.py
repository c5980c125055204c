"""Pages of the log: what they hold, where they end, and where they lead."""

import asyncio

import pytest

from taskmanager.application.feed.log_end import BeyondEnd
from taskmanager.application.feed.model import EventFilter, TaskFacts
from taskmanager.application.use_cases.read_events import ReadEvents
from tests.builders import task_id
from tests.fakes.event_feed import BEN, RemoteLog
from tests.fakes.event_log import InMemoryEventLog

EVERYTHING = EventFilter()


@pytest.fixture
def read_events(remote: RemoteLog) -> ReadEvents:
    return ReadEvents(remote, patience=0.25, walk=10)


async def page(
    read_events: ReadEvents, after: int, limit: int = 100, wanted: EventFilter = EVERYTHING
) -> tuple[list[int], int]:
    found = await read_events(wanted, after, limit)
    return [event.sequence for event in found.events], found.next


async def test_pages_lead_from_one_to_the_next(read_events: ReadEvents, log: InMemoryEventLog) -> None:
    log.append(5)

    assert await page(read_events, 0, 2) == ([1, 2], 2)
    assert await page(read_events, 2, 2) == ([3, 4], 4)
    assert await page(read_events, 4, 2) == ([5], 5)
    assert await page(read_events, 5, 2) == ([], 5)
    assert log.lookups == 0, "without a gap nobody is asked for"


async def test_a_position_that_no_event_ever_had_is_refused(read_events: ReadEvents, log: InMemoryEventLog) -> None:
    log.append(3)

    assert await page(read_events, 3) == ([], 3)
    for wanted in (EVERYTHING, EventFilter(task_id=task_id(1))):
        with pytest.raises(BeyondEnd):
            await read_events(wanted, 4, 10)


async def test_numbers_that_are_gone_are_passed_over(read_events: ReadEvents, log: InMemoryEventLog) -> None:
    log.append()
    log.last += 1000
    log.append(2)

    assert await page(read_events, 0) == ([1], 100)
    assert await page(read_events, 100) == ([1002, 1003], 1003)


async def test_it_waits_a_moment_for_whoever_could_fill_a_gap(read_events: ReadEvents, log: InMemoryEventLog) -> None:
    writing = log.begin()
    writing.append()
    log.append()
    asyncio.get_running_loop().call_later(0.1, writing.commit)

    assert await page(read_events, 0) == ([1, 2], 2)


async def test_a_page_ends_before_a_gap_that_may_yet_be_filled(read_events: ReadEvents, log: InMemoryEventLog) -> None:
    log.append(2)
    writing = log.begin()
    writing.append()
    log.append()

    assert await page(read_events, 0) == ([1, 2], 2)
    assert await page(read_events, 2) == ([], 2)
    writing.commit()
    assert await page(read_events, 2) == ([3, 4], 4)


async def test_a_filtered_page_ends_after_so_many_others(
    read_events: ReadEvents, log: InMemoryEventLog, remote: RemoteLog
) -> None:
    log.append(25)
    remote.facts_of[task_id(14)] = TaskFacts(BEN, "new")
    of_ben = EventFilter(owner=BEN)

    assert await page(read_events, 0, wanted=of_ben) == ([], 10)
    assert await page(read_events, 10, wanted=of_ben) == ([14], 20)
    assert await page(read_events, 20, wanted=of_ben) == ([], 25)


async def test_the_events_of_a_task_are_found_wherever_they_are(read_events: ReadEvents, log: InMemoryEventLog) -> None:
    log.append(500)

    assert await page(read_events, 0, wanted=EventFilter(task_id=task_id(400))) == ([400], 500)


async def test_a_task_whose_events_may_yet_get_more_leads_to_where_that_is(
    read_events: ReadEvents, log: InMemoryEventLog
) -> None:
    log.append(4)
    writing = log.begin()
    writing.append()
    log.append()
    of_last = EventFilter(task_id=task_id(6))

    assert await page(read_events, 0, wanted=of_last) == ([], 4)
    writing.release()
    assert await page(read_events, 4, wanted=of_last) == ([6], 6)
