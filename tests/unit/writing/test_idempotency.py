"""A request that is sent again takes effect once, and is answered the same."""

from taskmanager.application.intents import Intent
from taskmanager.application.ports import StoreConflict
from taskmanager.application.use_cases.writing.unit import Answer, KeyReused
from taskmanager.application.use_cases.writing.write_group import WriteGroup
from taskmanager.domain.status import TaskStatus
from tests.builders import report_command, task_id
from tests.fakes.clock import FixedClock
from tests.fakes.intent_store import InMemoryIntentStore

from .conftest import DAY, creation, unit


def replayed(outcome: Answer | Exception) -> bool:
    assert isinstance(outcome, Answer)
    return outcome.replayed


async def test_the_answer_is_kept_with_the_effect_and_given_again(
    write: WriteGroup, store: InMemoryIntentStore
) -> None:
    (first,) = await write([creation(1, key="k")])
    (again,) = await write([creation(2, key="k")])
    assert (replayed(first), replayed(again)) == (False, True)
    assert isinstance(first, Answer)
    assert isinstance(again, Answer)
    assert first.answer == again.answer
    assert store.tasks.contents.tasks.keys() == {task_id(1)}


async def test_equal_keys_in_one_group_are_folded(write: WriteGroup, store: InMemoryIntentStore) -> None:
    outcomes = await write([creation(number, key="k") for number in range(1, 6)])
    assert [replayed(outcome) for outcome in outcomes] == [False, True, True, True, True]
    assert store.tasks.contents.tasks.keys() == {task_id(1)}
    assert store.tasks.transactions == 1


async def test_a_key_with_another_request_is_refused_in_the_same_group_and_later(
    write: WriteGroup, store: InMemoryIntentStore
) -> None:
    other = unit(*creation(2).intents, key="k", digest="other")
    _, at_once = await write([creation(1, key="k"), other])
    (later,) = await write([other])
    assert isinstance(at_once, KeyReused)
    assert isinstance(later, KeyReused)
    assert store.tasks.contents.tasks.keys() == {task_id(1)}


async def test_two_callers_may_choose_the_same_key(write: WriteGroup, store: InMemoryIntentStore) -> None:
    outcomes = await write([creation(1, key="k"), unit(*creation(2).intents, key="k", principal="q")])
    assert [replayed(outcome) for outcome in outcomes] == [False, False]
    assert len(store.tasks.contents.tasks) == 2


async def test_a_key_that_has_expired_counts_as_absent(
    write: WriteGroup, store: InMemoryIntentStore, clock: FixedClock
) -> None:
    await write([creation(1, key="k")])
    clock.pass_seconds(DAY.total_seconds() - 1)
    (still,) = await write([creation(2, key="k")])
    clock.pass_seconds(1)
    (anew,) = await write([creation(3, key="k")])
    assert (replayed(still), replayed(anew)) == (True, False)
    assert store.tasks.contents.tasks.keys() == {task_id(1), task_id(3)}


async def test_of_two_processes_the_second_finds_the_answer_of_the_first(
    write: WriteGroup, store: InMemoryIntentStore, clock: FixedClock
) -> None:
    other = [creation(1, key="k")]

    def before(step: str) -> None:
        if step == "commit" and other:
            kept = unit(*other.pop().intents, key="k")
            assert kept.claim is not None
            # What the other process commits in between.
            store.kept[kept.claim.name] = first_kept
            raise StoreConflict("23505")

    twin = InMemoryIntentStore()
    await WriteGroup(twin, clock, write._observer, keep_answers=DAY)([creation(1, key="k")])
    (first_kept,) = twin.kept.values()
    store.tasks.before = before
    (outcome,) = await write([creation(2, key="k")])
    assert replayed(outcome)
    assert store.tasks.contents.tasks == {}


async def test_neighbours_of_a_repetition_take_effect(write: WriteGroup, store: InMemoryIntentStore) -> None:
    await write([creation(1, key="k")])
    outcomes = await write([creation(2), creation(3, key="k"), creation(4, key="new")])
    assert [replayed(outcome) for outcome in outcomes] == [False, True, False]
    assert store.tasks.contents.tasks.keys() == {task_id(1), task_id(2), task_id(4)}


async def test_an_answer_without_effect_is_not_kept(write: WriteGroup, store: InMemoryIntentStore) -> None:
    report = unit(Intent(report_command(source=None)), key="k")
    (missing,) = await write([report])
    await write([creation(1)])
    (applied,) = await write([report])
    assert isinstance(missing, Answer)
    assert isinstance(applied, Answer)
    assert (missing.answer.body, applied.answer.body) == (b"Missing", b"Done")
    assert replayed((await write([report]))[0])


async def test_a_report_that_was_refused_is_kept_once(write: WriteGroup, store: InMemoryIntentStore) -> None:
    await write([creation(1)])
    await write([unit(Intent(report_command(TaskStatus.COMPLETED, source=None)))])
    cancel = unit(Intent(report_command(TaskStatus.CANCELLED, source=None)), key="k")
    answers = [(await write([cancel]))[0] for _ in range(2)]
    assert [replayed(answer) for answer in answers] == [False, True]
    assert len(store.tasks.contents.refused) == 1
