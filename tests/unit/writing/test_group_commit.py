"""Callers that wait at the same moment share a transaction; nobody waits for nothing."""

import asyncio
from collections.abc import Sequence

import pytest

from taskmanager.application.use_cases.writing.group_commit import GroupCommit, Limits
from taskmanager.application.use_cases.writing.unit import Answer, Overloaded, StoredAnswer, Unit
from tests.builders import task_id

from .conftest import Observed, creation, unit


class Gate:
    """Writes groups when it is let to, and remembers them."""

    def __init__(self) -> None:
        self.groups: list[Sequence[Unit]] = []
        self.began = asyncio.Event()
        self.go_on = asyncio.Event()
        self.failure: Exception | None = None

    async def write(self, units: Sequence[Unit]) -> list[Answer | Exception]:
        self.groups.append(units)
        self.began.set()
        await self.go_on.wait()
        if self.failure is not None:
            raise self.failure
        return [Answer(StoredAnswer(200, {}, each.intents[0].command.id.encode()), replayed=False) for each in units]

    def sizes(self) -> list[int]:
        return [len(group) for group in self.groups]


@pytest.fixture
def gate() -> Gate:
    return Gate()


def started(gate: Gate, observed: Observed, **limits: int) -> GroupCommit:
    commit = GroupCommit(gate.write, observed, Limits(**limits))
    commit.start()
    return commit


async def busy(gate: Gate, commit: GroupCommit) -> asyncio.Task[Answer]:
    """One unit is being written."""
    first = asyncio.create_task(commit.submit(creation(1)))
    await gate.began.wait()
    return first


async def test_what_waits_while_a_group_is_written_makes_the_next_one(gate: Gate, observed: Observed) -> None:
    commit = started(gate, observed)
    first = await busy(gate, commit)
    rest = asyncio.gather(*(commit.submit(creation(number)) for number in range(2, 7)))
    await asyncio.sleep(0)
    gate.go_on.set()
    answers = [await first, *await rest]
    assert gate.sizes() == [1, 5]
    assert [answer.answer.body.decode() for answer in answers] == [task_id(number) for number in range(1, 7)]
    await commit.stop()


async def test_a_group_is_bounded_by_intents_and_bytes(gate: Gate, observed: Observed) -> None:
    commit = started(gate, observed, group_intents=4, group_bytes=350)
    first = await busy(gate, commit)
    pairs = [unit(*creation(number).intents, *creation(number + 10).intents, size=1) for number in (2, 3, 4)]
    large = [unit(*creation(number).intents, size=size) for number, size in ((5, 300), (6, 60), (7, 9999))]
    rest = asyncio.gather(*map(commit.submit, [*pairs, *large]))
    await asyncio.sleep(0)
    gate.go_on.set()
    await asyncio.gather(first, rest)
    assert [[each.size for each in group] for group in gate.groups[1:]] == [[1, 1], [1, 300], [60], [9999]]
    await commit.stop()


@pytest.mark.parametrize("limits", [{"waiting_intents": 2}, {"waiting_bytes": 250}])
async def test_beyond_its_bounds_it_refuses_at_once(gate: Gate, observed: Observed, limits: dict[str, int]) -> None:
    commit = started(gate, observed, **limits)
    first = await busy(gate, commit)
    rest = asyncio.gather(*(commit.submit(creation(number)) for number in (2, 3)))
    await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        await commit.submit(creation(4))
    assert observed.overloads == 1
    gate.go_on.set()
    await asyncio.gather(first, rest)
    assert (await commit.submit(creation(5))).answer.status == 200
    await commit.stop()


async def test_it_tells_when_it_is_full(gate: Gate, observed: Observed) -> None:
    commit = started(gate, observed, waiting_intents=1)
    first = await busy(gate, commit)
    assert not commit.is_full
    second = asyncio.create_task(commit.submit(creation(2)))
    await asyncio.sleep(0)
    assert commit.is_full
    gate.go_on.set()
    await asyncio.gather(first, second)
    assert not commit.is_full
    await commit.stop()


async def test_a_caller_that_gives_up_disturbs_nobody(gate: Gate, observed: Observed) -> None:
    commit = started(gate, observed)
    first = await busy(gate, commit)
    waiting = [asyncio.create_task(commit.submit(creation(number))) for number in (2, 3)]
    await asyncio.sleep(0)
    first.cancel()
    waiting[0].cancel()
    await asyncio.sleep(0)
    gate.go_on.set()
    assert (await waiting[1]).answer.body.decode() == task_id(3)
    assert gate.sizes() == [1, 1]  # what nobody waits for any more is not begun
    await commit.stop()


async def test_a_group_that_fails_is_told_to_its_callers_and_the_next_goes_on(gate: Gate, observed: Observed) -> None:
    commit = started(gate, observed)
    gate.failure = ZeroDivisionError()
    gate.go_on.set()
    with pytest.raises(ZeroDivisionError):
        await commit.submit(creation(1))
    gate.failure = None
    assert (await commit.submit(creation(2))).answer.status == 200
    await commit.stop()


async def test_stopping_drains_what_was_accepted_and_takes_nothing_more(gate: Gate, observed: Observed) -> None:
    commit = started(gate, observed)
    first = await busy(gate, commit)
    second = asyncio.create_task(commit.submit(creation(2)))
    await asyncio.sleep(0)
    stopping = asyncio.create_task(commit.stop())
    await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        await commit.submit(creation(3))
    assert not stopping.done()
    gate.go_on.set()
    await stopping
    assert (first.done(), second.done()) == (True, True)
    await commit.stop()


async def test_stopping_before_the_start_does_nothing(gate: Gate, observed: Observed) -> None:
    await GroupCommit(gate.write, observed).stop()
    assert gate.groups == []


async def test_repetitions_are_counted(observed: Observed) -> None:
    async def write(units: Sequence[Unit]) -> list[Answer]:
        return [Answer(StoredAnswer(200, {}), replayed=True) for _ in units]

    commit = GroupCommit(write, observed)
    commit.start()
    await commit.submit(creation(1))
    assert observed.replays == 1
    await commit.stop()
