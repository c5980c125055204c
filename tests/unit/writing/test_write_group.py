"""One group is one transaction, and none of its units can spoil another."""

from collections.abc import Callable

import pytest

from taskmanager.application.intents import Intent
from taskmanager.application.ports import GIVEN_UP, NO_ROOM, StoreConflict, StoreUnavailable
from taskmanager.application.use_cases.writing.unit import Answer, StoredAnswer, Unit, UnitRefused
from taskmanager.application.use_cases.writing.write_group import WriteGroup
from taskmanager.domain.status import TaskStatus
from tests.builders import create_command, report_command, task_id
from tests.fakes.clock import FixedClock
from tests.fakes.intent_store import InMemoryIntentStore

from .conftest import Observed, creation, unit


def failing(*errors: Exception) -> Callable[[str], None]:
    """Lets that many transactions fail before they commit."""
    left = iter(errors)

    def before(step: str) -> None:
        if step == "commit" and (error := next(left, None)) is not None:
            raise error

    return before


def bodies(outcomes: list[Answer | Exception]) -> list[object]:
    return [outcome.answer.body if isinstance(outcome, Answer) else type(outcome) for outcome in outcomes]


async def test_creations_share_a_transaction_without_a_look(
    write: WriteGroup, store: InMemoryIntentStore, observed: Observed
) -> None:
    outcomes = await write([creation(number) for number in range(5)])
    assert bodies(outcomes) == [b"Done"] * 5
    assert len(store.tasks.contents.tasks) == len(store.tasks.contents.events) == 5
    assert (store.tasks.transactions, observed.groups) == (1, [5])
    assert sum(store.tasks.contents.counts.values()) == 5


async def test_a_unit_of_several_intents_is_answered_as_one(write: WriteGroup, store: InMemoryIntentStore) -> None:
    both = [Intent(create_command(id=task_id(number), source=None)) for number in (1, 2)]
    assert bodies(await write([unit(*both)])) == [b"Done;Done"]
    assert len(store.tasks.contents.tasks) == 2


async def test_a_row_that_is_refused_fails_its_own_unit_alone(write: WriteGroup, store: InMemoryIntentStore) -> None:
    store.tasks.refuses = {task_id(3)}
    outcomes = await write([creation(number) for number in range(1, 8)])
    assert bodies(outcomes) == [b"Done", b"Done", UnitRefused, b"Done", b"Done", b"Done", b"Done"]
    assert store.tasks.contents.tasks.keys() == {task_id(number) for number in (1, 2, 4, 5, 6, 7)}


async def test_a_defect_in_one_unit_fails_no_other(write: WriteGroup, store: InMemoryIntentStore) -> None:
    def broken(_decided: object) -> StoredAnswer:
        raise ZeroDivisionError

    bad = Unit(creation(2).intents, broken)
    assert bodies(await write([creation(1), bad, creation(3)])) == [b"Done", ZeroDivisionError, b"Done"]
    assert store.tasks.contents.tasks.keys() == {task_id(1), task_id(3)}


async def test_a_conflict_is_decided_again_on_what_is_there(write: WriteGroup, store: InMemoryIntentStore) -> None:
    await write([creation(1)])
    store.tasks.before = failing(StoreConflict("40P01"))
    assert bodies(await write([creation(1), creation(2)])) == [b"Done", b"Done"]
    assert len(store.tasks.contents.events) == 2


async def test_another_request_with_the_id_of_a_task_is_declined(write: WriteGroup, store: InMemoryIntentStore) -> None:
    await write([creation(1)])
    assert bodies(await write([creation(1, user_query="other")])) == [b"Declined"]
    assert len(store.tasks.contents.refused) == 1


async def test_conflicts_without_end_are_given_up(write: WriteGroup, store: InMemoryIntentStore) -> None:
    store.tasks.before = failing(*[StoreConflict("40001")] * 100)
    (outcome,) = await write([creation()])
    assert isinstance(outcome, StoreUnavailable)
    assert outcome.kind == "conflict"
    assert store.tasks.contents.tasks == {}


@pytest.mark.parametrize("kind", ["connection", "57"])
async def test_a_connection_that_broke_while_nothing_was_to_do_is_noticed_by_nobody(
    write: WriteGroup, store: InMemoryIntentStore, kind: str
) -> None:
    store.tasks.before = failing(StoreUnavailable("closed", kind))
    assert bodies(await write([creation(1), creation(2)])) == [b"Done", b"Done"]


async def test_a_database_that_is_away_is_told_to_everybody(write: WriteGroup, store: InMemoryIntentStore) -> None:
    store.tasks.before = failing(*[StoreUnavailable("away")] * 2)
    assert bodies(await write([creation(1), creation(2)])) == [StoreUnavailable, StoreUnavailable]
    assert store.tasks.contents.tasks == {}


async def test_a_server_that_fails_late_is_not_asked_again(
    write: WriteGroup, store: InMemoryIntentStore, clock: FixedClock
) -> None:
    def slow(step: str) -> None:
        clock.pass_seconds(2)
        raise StoreUnavailable("too slow", "57")

    store.tasks.before = slow
    assert bodies(await write([creation()])) == [StoreUnavailable]
    assert store.tasks.transactions == 1


async def test_a_partition_that_is_missing_is_made(write: WriteGroup, store: InMemoryIntentStore) -> None:
    store.tasks.before = failing(StoreUnavailable("no partition", NO_ROOM))
    assert bodies(await write([creation()])) == [b"Done"]
    assert store.rooms_made == 1


async def test_an_outage_in_the_middle_of_a_search_fails_only_what_was_not_written_yet(
    write: WriteGroup, store: InMemoryIntentStore
) -> None:
    store.tasks.refuses = {task_id(4)}
    commits = 0

    def before(step: str) -> None:
        nonlocal commits
        commits += step == "commit"
        if commits >= 3:
            raise StoreUnavailable("away")

    store.tasks.before = before  # the whole is refused, the first half is written, then the server is gone
    outcomes = await write([creation(number) for number in range(1, 5)])
    assert bodies(outcomes) == [b"Done", b"Done", StoreUnavailable, StoreUnavailable]
    assert store.tasks.contents.tasks.keys() == {task_id(1), task_id(2)}


async def test_a_task_that_somebody_holds_fails_neither_creations_nor_all_other_changes(
    write: WriteGroup, store: InMemoryIntentStore
) -> None:
    await write([creation(number) for number in (1, 2, 3)])
    store.tasks.held = {task_id(1)}
    reports = [unit(Intent(report_command(id=task_id(number)))) for number in (1, 2, 3)]
    outcomes = await write([reports[0], creation(4), reports[1], creation(5), reports[2]])
    assert bodies(outcomes) == [StoreUnavailable, b"Done", StoreUnavailable, b"Done", b"Done"]
    assert [error.kind for error in outcomes if isinstance(error, StoreUnavailable)] == [GIVEN_UP] * 2


async def test_a_server_that_is_slow_for_everybody_is_asked_no_more_than_four_times(
    write: WriteGroup, store: InMemoryIntentStore
) -> None:
    store.tasks.before = failing(*[StoreUnavailable("statement timeout", GIVEN_UP)] * 100)
    units = [creation(1), *(unit(Intent(report_command(id=task_id(number)))) for number in range(2, 20))]
    assert bodies(await write(units)) == [StoreUnavailable] * 19
    assert store.tasks.transactions == 4


async def test_how_long_tasks_took_is_told_once_that_is_committed(
    write: WriteGroup, store: InMemoryIntentStore, observed: Observed
) -> None:
    await write([creation()])
    store.tasks.before = failing(StoreConflict("40001"))
    await write([unit(Intent(report_command(TaskStatus.COMPLETED, source=None)))])
    assert observed.durations == [(TaskStatus.COMPLETED, 2.0)]
