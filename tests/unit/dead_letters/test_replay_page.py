"""Letters are replayed by a filter, some at a time, and none twice."""

from taskmanager.application.dead_letter_model import LetterFilter
from taskmanager.application.use_cases.dead_letters.message_edit import MessageEdit
from taskmanager.application.use_cases.dead_letters.replay_page import ReplayPage
from tests.builders import task_id
from tests.fakes.messages import request

from .conftest import Desk

ALL = LetterFilter()


def broken(number: int) -> object:
    """A request of a type that nobody knows."""
    return request(id=task_id(number), headers={"task_type": "bake"})


async def test_pages_lead_from_the_oldest_letter_to_the_last(desk: Desk) -> None:
    await desk.receive([broken(number) for number in range(1, 6)])
    replay_page = ReplayPage(desk.letters, desk.replay)
    seen, after = [], 0
    while True:
        page = await replay_page(ALL, "ann", after=after, limit=2)
        seen.append([result.letter_id for result in page.results])
        if page.next is None:
            break
        after = page.next
    assert seen == [[1, 2], [3, 4], [5]]
    assert len(desk.history(3)) == 1


async def test_what_was_settled_is_not_replayed_again(desk: Desk) -> None:
    await desk.receive([broken(number) for number in range(1, 4)])
    replay_page = ReplayPage(desk.letters, desk.replay)
    edit = MessageEdit(headers={"task_type": b"web-crawl"})
    page = await replay_page(ALL, "ann", edit, after=0, limit=2)
    assert [result.word for result in page.results] == ["created", "created"]
    assert page.next == 2
    page = await replay_page(ALL, "ann", edit, after=0, limit=2)
    assert ([result.letter_id for result in page.results], page.next) == ([3], None)
    page = await replay_page(ALL, "ann", edit, after=0, limit=2)
    assert page == ([], None)
