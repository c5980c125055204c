"""Many letters at once: in stretches, within bounds, and to be taken up again."""

import orjson
import pytest

from taskmanager.application.dead_letter_model import LetterFilter, LetterState
from taskmanager.application.dead_letters import DeadLetterReason as Reason
from taskmanager.application.ports import StoreConflict, StoreUnavailable
from taskmanager.application.use_cases.dead_letters import replay_letters, walk
from taskmanager.application.use_cases.dead_letters.message_edit import MessageEdit
from tests.builders import task_id
from tests.fakes.messages import body, request
from tests.unit.dead_letters.conftest import Desk

_SOUND = MessageEdit(value=orjson.dumps(body()))
_ALL = LetterFilter()


@pytest.fixture(autouse=True)
def _short_stretches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walk, "STRETCH", 3)
    monkeypatch.setattr(replay_letters, "STRETCH", 3)


async def letters(desk: Desk, count: int, value: bytes = b"{") -> None:
    await desk.receive([request(value, id=task_id(number)) for number in range(1, count + 1)])


async def replay(desk: Desk, wanted: LetterFilter = _ALL, edit: MessageEdit = _SOUND, **more: int) -> list[list[int]]:
    """The ids of each transaction."""
    bounds = {"up_to": 100} | more
    return [
        [result.letter_id for result in results]
        async for results in desk.replay.matching(wanted, "ann", edit, **bounds)  # type: ignore[arg-type]
    ]


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        ({}, [[1, 2, 3], [4, 5, 6], [7]]),
        ({"up_to": 4}, [[1, 2, 3], [4]]),
        ({"limit": 3}, [[1, 2, 3]]),
        ({"limit": 5}, [[1, 2, 3], [4, 5]]),
        ({"up_to": 0}, []),
    ],
    ids=str,
)
async def test_the_walk(desk: Desk, bounds: dict[str, int], expected: list[list[int]]) -> None:
    await letters(desk, 7)

    assert await replay(desk, **bounds) == expected
    done = {letter for stretch in expected for letter in stretch}
    assert {letter for letter, state in desk.states.items() if state is LetterState.REPLAYED} == done


async def test_large_messages_are_not_held_at_the_same_time(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay_letters, "_BYTES_MAX", 25_000)
    await letters(desk, 5, b"{" * 10_000)

    assert await replay(desk) == [[1, 2], [3], [4, 5]]


async def test_those_that_fail_are_not_tried_again_in_the_same_run(desk: Desk) -> None:
    await letters(desk, 7)

    assert await replay(desk, edit=MessageEdit(value=b"[")) == [[1, 2, 3], [4, 5, 6], [7]]
    assert desk.history(1) == [("failed_replay", "ann", "malformed_json")]


async def test_only_open_letters_that_match_are_replayed(desk: Desk) -> None:
    await letters(desk, 3)
    await letters(desk, 3, b"")
    await desk.discard.by_id([5], "ann")

    assert await replay(desk, LetterFilter(reasons=(Reason.EMPTY_BODY,), state=LetterState.DISCARDED)) == [[4, 6]]


async def test_after_an_outage_another_run_goes_on(desk: Desk) -> None:
    await letters(desk, 7)
    commits = 0

    def fail_at_the_second(step: str) -> None:
        nonlocal commits
        commits += step == "commit"
        if commits == 2:
            raise StoreUnavailable("away")

    desk.store.before = fail_at_the_second
    with pytest.raises(StoreUnavailable):
        await replay(desk)
    desk.store.before = lambda step: None

    assert await replay(desk) == [[4, 5, 6], [7]]
    assert len(desk.store.contents.events) == 7


async def test_a_conflict_is_decided_again_and_endless_conflicts_end(desk: Desk) -> None:
    await letters(desk, 1)
    conflicts = iter([StoreConflict("first"), StoreConflict("second"), None])

    def conflict(step: str) -> None:
        if step == "commit" and (error := next(conflicts)):
            raise error

    desk.store.before = conflict
    assert await replay(desk) == [[1]]

    def always(step: str) -> None:
        if step == "commit":
            raise StoreConflict("for ever")

    desk.store.before = lambda step: None
    await letters(desk, 1, b"")
    desk.store.before = always
    with pytest.raises(StoreUnavailable, match="20 conflicts"):
        await replay(desk)


async def test_discarding_by_filter(desk: Desk) -> None:
    await letters(desk, 4)
    await letters(desk, 4, b"")
    wanted = LetterFilter(reasons=(Reason.EMPTY_BODY,))

    assert [count async for count in desk.discard.matching(wanted, "ann", "tests", up_to=7)] == [3]
    assert [letter for letter, state in desk.states.items() if state is LetterState.DISCARDED] == [5, 6, 7]
    assert {past.action.detail for past in desk.store.contents.letter_actions} == {"tests"}
    assert [count async for count in desk.discard.matching(LetterFilter(), "ann", up_to=100)] == [3, 2]


async def test_discarding_leaves_what_is_settled(desk: Desk) -> None:
    await letters(desk, 3)
    await desk.replay.by_id([1], "ann", _SOUND)
    await desk.discard.by_id([2], "ann")

    assert await desk.discard.by_id([1, 2, 3, 9], "bob", "why") == {
        1: LetterState.REPLAYED, 2: LetterState.DISCARDED, 3: LetterState.OPEN, 9: None,
    }  # fmt: skip
    assert desk.history(2) == [("discard", "ann", None)]
    assert desk.history(3) == [("discard", "bob", None)]
