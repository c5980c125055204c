"""Tasks as of the events that pass by."""

import random
from collections.abc import Sequence
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taskmanager.application.event_log import LoggedEvent
from taskmanager.application.task_states import TaskStates
from taskmanager.domain.errors import Refused
from taskmanager.domain.events import TaskEvent
from taskmanager.domain.task import WebCrawlTask
from taskmanager.infrastructure.postgres.event_log import decode
from tests.builders import at, created_task, state_of, task_id
from tests.fakes.relay import InMemoryHistories, log_entries


def history(*numbers: int, long_text: str = "done") -> list[LoggedEvent]:
    """Tasks that are created, then started, then failed, all at a time, then retried and completed."""
    tasks, events = {}, list[TaskEvent]()
    for number in numbers:
        tasks[number], created = created_task(id=task_id(number))
        events.append(created)
    for step in (
        lambda task: task.start(at=at(2), now=at(3)),
        lambda task: task.fail(error="gone", at=at(4), now=at(5)),
        lambda task: task.retry(at=at(6), now=at(7)),
        lambda task: task.complete(result=long_text, at=at(8), now=at(9)),
        lambda task: task.delete(at=at(10), now=at(11)),
    ):
        events += [step(tasks[number]) for number in numbers]
    return log_entries(events)


async def told(states: TaskStates, entries: Sequence[LoggedEvent]) -> list[WebCrawlTask | None]:
    """The task after each event; what is mutable is copied by version."""
    answers: list[WebCrawlTask | None] = []
    for place, entry in enumerate(entries):
        if not states.knows(entry):
            await states.recall(entries[place:])
        assert states.knows(entry)
        task = states.after(entry)
        answers.append(task)
        if task is not None:
            assert (task.id, task.version) == (entry.task_id, entry.version)
    return answers


def is_right(task: WebCrawlTask | None, entry: LoggedEvent, entries: Sequence[LoggedEvent]) -> bool:
    """Whether it is what a replay of all that had happened to the task comes to."""
    past = [decode(each) for each in entries if each.task_id == entry.task_id and each.version <= entry.version]
    return task is not None and state_of(task) == state_of(WebCrawlTask.replay(past))


async def check_each(states: TaskStates, passing: Sequence[LoggedEvent], entries: Sequence[LoggedEvent]) -> None:
    for place, entry in enumerate(passing):
        if not states.knows(entry):
            await states.recall(passing[place:])
        assert is_right(states.after(entry), entry, entries), entry


async def test_tasks_that_are_seen_from_the_start_need_no_history() -> None:
    entries = history(1, 2, 3)
    histories = InMemoryHistories(entries)
    unsettled = [entry for entry in entries if entry.version <= 3]
    await check_each(TaskStates(histories, decode), unsettled, entries)

    assert histories.asked == []


async def test_all_that_is_missing_is_asked_for_at_once() -> None:
    entries = history(1, 2, 3)
    histories = InMemoryHistories(entries)
    await check_each(TaskStates(histories, decode), entries[7:9], entries)

    assert histories.asked == [{task_id(2): 3, task_id(3): 3}]


async def test_settled_tasks_are_forgotten_and_recalled() -> None:
    entries = history(1)
    histories = InMemoryHistories(entries)
    await check_each(TaskStates(histories, decode), entries, entries)

    assert histories.asked == [{task_id(1): 4}, {task_id(1): 6}]


async def test_a_store_that_answers_only_the_first_task_is_asked_again() -> None:
    entries = history(1, 2, 3)
    histories = InMemoryHistories(entries, tasks_max=1)
    await check_each(TaskStates(histories, decode), entries[6:9], entries)

    assert [list(asked) for asked in histories.asked] == [
        [task_id(1), task_id(2), task_id(3)],
        [task_id(2), task_id(3)],
        [task_id(3)],
    ]


@pytest.mark.parametrize("bounds", [{"tasks_max": 2}, {"bytes_max": 2500}, {"bytes_max": 1}])
async def test_what_does_not_fit_is_recalled(bounds: dict[str, int]) -> None:
    entries = history(1, 2, 3, 4)
    histories = InMemoryHistories(entries)
    states = TaskStates(histories, decode, **bounds)
    await check_each(states, entries, entries)

    assert len(states._tasks) <= 2
    assert any(task_id(1) in asked and asked[task_id(1)] == 2 for asked in histories.asked)


async def test_memory_is_given_back() -> None:
    entries = history(1, 2, 3)
    states = TaskStates(InMemoryHistories(entries), decode)
    await check_each(states, entries, entries)

    assert (states._bytes, len(states._tasks), len(states._unknown)) == (0, 0, 0)


async def test_an_unreadable_event_costs_its_task_and_no_other() -> None:
    entries = history(1, 2)
    broken = entries[2]._replace(data='{"progress": []')
    entries[2] = broken
    states = TaskStates(InMemoryHistories(entries), decode)
    answers = await told(states, entries)

    of_first = [task for task, entry in zip(answers, entries, strict=True) if entry.task_id == task_id(1)]
    assert [task is None for task in of_first] == [False, True, True, True, True, True]
    assert None not in [task for task, entry in zip(answers, entries, strict=True) if entry.task_id == task_id(2)]


async def test_a_task_without_a_history_holds_up_nobody() -> None:
    entries = history(1, 2)[2:4]
    states = TaskStates(InMemoryHistories([]), decode)

    assert await told(states, entries) == [None, None]


async def test_a_history_with_a_gap_is_not_made_up() -> None:
    entries = history(1)
    states = TaskStates(InMemoryHistories([entries[0]]), decode)

    assert await told(states, entries[2:3]) == [None]


@settings(deadline=None)
@given(st.randoms(use_true_random=False), st.integers(1, 4), st.integers(1, 6), st.sampled_from([1, 3000, 1 << 20]))
async def test_whatever_passes_by_tasks_are_what_their_history_makes_them(
    dice: random.Random, tasks_max: int, answered: int, bytes_max: int
) -> None:
    tasks = {}
    events: list[TaskEvent] = []
    for number in range(1, 6):
        tasks[number], created = created_task(id=task_id(number))
        events.append(created)
    for step in range(30):
        task = dice.choice(list(tasks.values()))
        change = dice.choice([task.start, partial(task.fail, error="gone"), task.retry, task.cancel, task.delete])
        try:
            event = change(at=at(10 + step), now=at(10 + step))
        except Refused:
            continue
        if event is not None:
            events.append(event)
    entries = log_entries(events)
    states = TaskStates(InMemoryHistories(entries, answered), decode, tasks_max=tasks_max, bytes_max=bytes_max)

    await check_each(states, entries[dice.randrange(len(entries)) :], entries)
