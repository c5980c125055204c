"""What the feed asks of the log on a real database."""

from collections.abc import AsyncIterator, Callable

import pytest

from taskmanager.application.feed.log_end import settled_end
from taskmanager.application.feed.model import EventFilter, TaskFacts
from taskmanager.application.feed.ports import Run
from taskmanager.domain.values import TaskId, UserEmail
from taskmanager.infrastructure.postgres.event_feed import PostgresFeedStore
from taskmanager.programs.factory import ApplicationFactory
from tests.integration.api.feed.writing import Writer
from tests.scratch import ScratchDatabase

ANN, BEN = UserEmail("ann@example.com"), UserEmail("ben@example.com")
OF_BEN = EventFilter(owner=BEN)


@pytest.fixture
async def store(factory: ApplicationFactory) -> AsyncIterator[PostgresFeedStore]:
    pool = factory.read_pool()
    yield PostgresFeedStore(pool, page_bytes=1000)
    await pool.close()


@pytest.fixture
def one(writer: Callable[[], Writer]) -> Writer:
    return writer()


async def test_an_empty_log_has_no_last_number_and_no_pages(store: PostgresFeedStore) -> None:
    assert (await store.last(), await store.run(0, 10)) == (0, Run(0, False))
    assert await store.page(EventFilter(), 0, 7, limit=10, walk=10) == ([], 7)
    assert await settled_end(store, 0) == 0


async def test_a_run_ends_before_the_first_number_that_is_not_there(store: PostgresFeedStore, one: Writer) -> None:
    for is_kept in (True, True, False, True, True):
        one.create(ANN)
        (one.commit if is_kept else one.roll_back)()

    assert await store.run(0, 10) == Run(2, True)
    assert await store.run(0, 2) == Run(2, False)
    assert await store.run(2, 10) == Run(2, True)
    assert await store.run(3, 10) == Run(5, False)
    assert await store.run(5, 10) == Run(5, False)
    assert await store.run(90, 10) == Run(90, False)
    assert (await store.last(), await settled_end(store, 0)) == (5, 5)


async def test_the_end_is_not_settled_while_somebody_writes(
    store: PostgresFeedStore, one: Writer, writer: Callable[[], Writer]
) -> None:
    other = writer()
    other.create(ANN)
    one.create(ANN)
    one.commit()
    assert await settled_end(store, 0.05) is None

    other.roll_back()
    assert await settled_end(store, 0.05) == 2


async def test_a_walk_ends_after_so_many_events_whatever_it_finds(store: PostgresFeedStore, one: Writer) -> None:
    for user in (ANN, ANN, BEN, ANN, ANN, BEN, ANN):
        one.create(user)
    one.commit()

    async def page(after: int, upto: int = 7, limit: int = 10) -> tuple[list[int], int]:
        found = await store.page(OF_BEN, after, upto, limit=limit, walk=3)
        return [event.sequence for event in found.events], found.next

    assert [await page(0), await page(3), await page(6)] == [([3], 3), ([6], 6), ([], 7)]
    assert await page(3, upto=5) == ([], 5)
    assert await page(90, upto=95) == ([], 95)
    assert await page(0, limit=1) == ([3], 3)


async def test_a_page_is_cut_before_it_gets_too_large_but_holds_one_event(
    store: PostgresFeedStore, one: Writer
) -> None:
    task_id = TaskId(one.create(ANN, '"' + "x" * 1500 + '"'))
    for _ in range(2):
        one.change(task_id, "TaskStarted", '"' + "y" * 600 + '"')
    one.change(task_id, "TaskFailed")
    one.commit()

    for wanted in (EventFilter(), EventFilter(task_id=task_id)):
        pages, position = [], 0
        while position < 4:
            found = await store.page(wanted, position, 4, limit=10, walk=10)
            pages.append([event.sequence for event in found.events])
            position = found.next
        assert pages == [[1], [2, 3], [4]]


async def test_facts_are_known_of_deleted_tasks_too(
    store: PostgresFeedStore, one: Writer, database: ScratchDatabase
) -> None:
    task_id = one.create(BEN)
    one.change(task_id, "TaskCancelled")
    one.change(task_id, "TaskDeleted")
    one.commit()

    assert await store.facts([task_id, "0190f1c2-7a3b-7cde-8f01-23456789abcd"]) == {
        task_id: TaskFacts(BEN, "cancelled")
    }
    found = await store.page(OF_BEN, 0, 3, limit=10, walk=10)
    assert [event.status for event in found.events] == ["new", "cancelled", "cancelled"]
