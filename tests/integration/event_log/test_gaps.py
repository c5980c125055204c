"""A real server's transactions: what fills a gap is waited for, and nothing else."""

from collections.abc import Callable

import pytest

from taskmanager.application.event_log import HighWaterReader
from taskmanager.infrastructure.postgres.event_log import PostgresEventLog
from tests.integration.event_log.writers import Writer, seqs
from tests.scratch import ScratchDatabase

Writers = Callable[[], Writer]


async def test_transactions_that_commit_in_another_order_than_they_drew_are_read_in_the_order_of_drawing(
    reader: HighWaterReader, writer: Writers
) -> None:
    first, second, third = writer(), writer(), writer()
    drawn = [first.append(), second.append(), first.append(), third.append()]

    third.commit()
    assert await seqs(reader) == []
    second.commit()
    assert await seqs(reader) == []
    first.commit()

    assert await seqs(reader) == drawn
    assert reader.position == drawn[-1]


async def test_numbers_of_a_rolled_back_transaction_are_passed_over(reader: HighWaterReader, writer: Writers) -> None:
    aborting, other = writer(), writer()
    aborting.append()
    kept = other.append()
    other.commit()
    assert await seqs(reader) == []

    aborting.roll_back()

    assert await seqs(reader) == [kept]


async def test_a_rollback_to_a_savepoint_lets_go_of_the_lock_that_was_taken_behind_it(
    reader: HighWaterReader, writer: Writers
) -> None:
    undecided, other = writer(), writer()
    undecided.run("savepoint here")
    undecided.append()
    kept = other.append()
    other.commit()
    assert await seqs(reader) == []

    undecided.run("rollback to savepoint here")

    assert await seqs(reader) == [kept]
    late = undecided.append()
    undecided.commit()
    assert await seqs(reader) == [late]


async def test_numbers_behind_a_savepoint_are_passed_over_once_their_transaction_has_ended(
    reader: HighWaterReader, writer: Writers
) -> None:
    undecided, other = writer(), writer()
    first = undecided.append()
    undecided.run("savepoint here")
    undecided.append()
    kept = other.append()
    other.commit()
    undecided.run("rollback to savepoint here")
    assert await seqs(reader) == []

    undecided.commit()

    assert [await seqs(reader), await seqs(reader)] == [[first], [kept]]


async def test_a_prepared_transaction_is_waited_for_also_when_it_prepares_meanwhile(
    reader: HighWaterReader, writer: Writers
) -> None:
    prepared, other = writer(), writer()
    drawn = [prepared.append(), other.append()]
    other.commit()
    assert await seqs(reader) == []
    prepared.prepare()
    assert await seqs(reader) == []

    prepared.commit()

    assert await seqs(reader) == drawn


async def test_a_prepared_transaction_that_is_rolled_back_leaves_a_dead_gap(
    reader: HighWaterReader, writer: Writers
) -> None:
    prepared, other = writer(), writer()
    prepared.append()
    prepared.prepare()
    kept = other.append()
    other.commit()
    assert await seqs(reader) == []

    prepared.roll_back()

    assert await seqs(reader) == [kept]


@pytest.mark.parametrize(
    "statement",
    [
        "select pg_current_xact_id()",
        "select count(*) from task_events",
        "select * from task_events for share",
        "update event_readers set epoch = epoch",
        "set transaction isolation level repeatable read; select count(*) from task_events",
    ],
)
async def test_a_long_transaction_that_does_not_write_to_the_log_delays_nothing(
    reader: HighWaterReader, writer: Writers, database: ScratchDatabase, statement: str
) -> None:
    database.run(f"grant update on task_events to {database.info.app_user}")  # `for share` asks for it
    unrelated, aborting, other = writer(), writer(), writer()
    unrelated.run(statement)
    aborting.append()
    kept = other.append()
    other.commit()
    aborting.roll_back()

    assert await seqs(reader) == [kept]
    unrelated.roll_back()


async def test_rows_that_are_being_copied_are_waited_for(
    reader: HighWaterReader, writer: Writers, log: PostgresEventLog
) -> None:
    copying, other = writer(), writer()
    copying.copy(50)
    last = other.append()
    other.commit()
    assert await seqs(reader) == []
    assert len(await log.writers()) == 1

    copying.commit()

    assert await seqs(reader) == list(range(last - 50, last + 1))


async def test_a_number_that_was_drawn_by_a_statement_prepared_long_before_is_waited_for(
    reader: HighWaterReader, writer: Writers
) -> None:
    planned, other = writer(), writer()
    planned.run(
        "prepare append as insert into task_events (task_id, version, type, attempt, occurred_at, recorded_at)"
        " values (gen_random_uuid(), 1, 'TaskStarted', 1, now(), now())"
    )
    for _ in range(8):  # the plan is generic by now
        planned.run("execute append")
    planned.commit()
    assert len(await seqs(reader)) == 8
    planned.run("execute append")
    later = other.append()
    other.commit()
    assert await seqs(reader) == []

    planned.commit()

    assert await seqs(reader) == [later - 1, later]


async def test_a_killed_writer_leaves_a_dead_gap(
    reader: HighWaterReader, writer: Writers, database: ScratchDatabase
) -> None:
    killed, other = writer(), writer()
    killed.append()
    kept = other.append()
    other.commit()
    assert await seqs(reader) == []

    database.run(
        "select pg_terminate_backend(pid, 5000) from pg_locks where relation = 'task_events'::regclass"
        " and mode = 'RowExclusiveLock' and pid <> pg_backend_pid()",
        role="superuser",
    )

    assert await seqs(reader) == [kept]


async def test_numbers_of_the_past_that_are_gone_cost_nothing(
    reader: HighWaterReader, writer: Writers, database: ScratchDatabase
) -> None:
    database.run("select setval('task_events_seq', 5000000)")
    only = writer()
    drawn = only.append()
    only.commit()

    assert await seqs(reader) == [drawn] == [5_000_001]


async def test_writers_of_another_database_do_not_matter(log: PostgresEventLog, foreign_writer: Writer) -> None:
    foreign_writer.append()

    assert await log.writers() == frozenset()
