"""What the use case adds to a walk: cursors, and that nobody is shown another user's tasks."""

import pytest

from taskmanager.application.task_lists import Position, TaskFilter, Walk
from taskmanager.application.use_cases.reading.cursors import Cursors
from taskmanager.application.use_cases.reading.list_tasks import ListTasks
from taskmanager.domain.errors import InvalidValue
from taskmanager.domain.values import UserEmail
from tests.builders import at, task_id

ANN, BOB = UserEmail("ann@example.com"), UserEmail("bob@example.com")


class Lists:
    """Implements `TaskLists` and `CursorKeys`: ends where it is told to, and remembers what it was asked."""

    def __init__(self, end: Position | None) -> None:
        self.end = end
        self.asked: list[tuple[TaskFilter, Position | None, int, int]] = []

    async def walk(self, wanted: TaskFilter, behind: Position | None, *, limit: int, walk: int) -> Walk:
        """See `TaskLists.walk`."""
        self.asked.append((wanted, behind, limit, walk))
        return Walk((), self.end)

    async def cursor_key(self) -> bytes:
        """See `CursorKeys.cursor_key`."""
        return b"k" * 32


@pytest.mark.parametrize("seconds", [0, 0.000001, -1e9, 1e9 + 0.123456])
async def test_the_next_page_begins_exactly_where_the_last_one_ended(seconds: float) -> None:
    lists = Lists(Position(at(seconds), str(task_id(3))))
    list_tasks = ListTasks(lists, Cursors(lists))
    first = await list_tasks(TaskFilter(), 10)
    await list_tasks(TaskFilter(), 500, first.next_cursor)
    assert [(behind, limit) for _, behind, limit, _ in lists.asked] == [(None, 10), (lists.end, 500)]


async def test_statuses_make_the_same_list_in_any_order() -> None:
    lists = Lists(Position(at(0), str(task_id())))
    list_tasks = ListTasks(lists, Cursors(lists))
    wanted = [TaskFilter(statuses=frozenset(order)) for order in (("new", "error"), ("error", "new"))]
    cursor = (await list_tasks(wanted[0], 10)).next_cursor
    assert (await list_tasks(wanted[1], 10, cursor)).next_cursor == cursor


async def test_there_is_no_cursor_after_the_last_page() -> None:
    lists = Lists(None)
    assert (await ListTasks(lists, Cursors(lists))(TaskFilter(), 10)).next_cursor is None


async def test_a_walk_is_long_enough_for_its_page() -> None:
    lists = Lists(None)
    await ListTasks(lists, Cursors(lists), walk=5)(TaskFilter(), 10)
    ((_, _, limit, walk),) = lists.asked
    assert walk > limit


async def test_a_bound_caller_finds_nothing_of_others_and_nobody_is_asked() -> None:
    lists = Lists(Position(at(0), str(task_id())))
    page = await ListTasks(lists, Cursors(lists))(TaskFilter(owner=ANN, user_email=BOB), 10)
    assert (list(page.items), page.next_cursor, lists.asked) == ([], None, [])


async def test_a_cursor_serves_its_owner_alone() -> None:
    lists = Lists(Position(at(0), str(task_id())))
    list_tasks = ListTasks(lists, Cursors(lists))
    cursor = (await list_tasks(TaskFilter(owner=ANN), 10)).next_cursor
    for other in (TaskFilter(owner=BOB), TaskFilter()):
        with pytest.raises(InvalidValue, match="belongs to another list"):
            await list_tasks(other, 10, cursor)
