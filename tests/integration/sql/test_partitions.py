"""The event log always has partitions ahead of its numbers."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from psycopg2.errors import CheckViolation, InvalidParameterValue

from tests.scratch import ScratchDatabase

_SIZE = 25_000_000
_APPEND = """
    insert into task_events (task_id, version, type, attempt, occurred_at, recorded_at)
    values (gen_random_uuid(), 1, 'TaskCreated', 1, now(), now())
"""
_BOUNDS = """
    select array_agg((regexp_match(pg_get_expr(c.relpartbound, c.oid), '\\(''?(\\d+)''?\\) TO \\(''?(\\d+)'))::bigint[]
                     order by c.relname)
    from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = 'task_events'::regclass
"""


def _bounds(database: ScratchDatabase) -> list[list[int]]:
    bounds: list[list[int]] = database.value(_BOUNDS)
    return bounds


def _assert_without_gap(database: ScratchDatabase) -> None:
    bounds = _bounds(database)
    assert [low for low, _ in bounds] == [0, *(high for _, high in bounds[:-1])]


def test_a_migrated_database_has_room_for_a_hundred_million_events(migrated: ScratchDatabase) -> None:
    assert _bounds(migrated)[-1][1] >= 4 * _SIZE
    _assert_without_gap(migrated)


def test_where_there_is_room_none_is_made(migrated: ScratchDatabase) -> None:
    assert migrated.value("select ensure_event_partitions()") == 0


def test_as_numbers_are_drawn_partitions_are_made_ahead_by_the_runtime_role(migrated: ScratchDatabase) -> None:
    last = 7 * _SIZE + 3
    migrated.run("select setval('task_events_seq', %s)", (last,))
    ((made,),) = migrated.run("select ensure_event_partitions()", role="app")
    assert made > 0
    assert last + 4 * _SIZE <= _bounds(migrated)[-1][1] < last + 5 * _SIZE + _SIZE
    _assert_without_gap(migrated)
    migrated.run(_APPEND, role="app")
    assert migrated.value("select seq from task_events_000000175000000") == last + 1


def test_another_size_goes_on_where_the_former_ended(migrated: ScratchDatabase) -> None:
    end = _bounds(migrated)[-1][1]
    migrated.run("select setval('task_events_seq', %s)", (end,))
    assert migrated.value("select ensure_event_partitions(3, 1000)") == 3
    assert _bounds(migrated)[-3:] == [[end + n * 1000, end + (n + 1) * 1000] for n in range(3)]


def test_partitions_have_the_indexes_of_the_log(migrated: ScratchDatabase) -> None:
    indexes = migrated.run(
        "select indexdef from pg_indexes where tablename = 'task_events_000000000000000' order by indexdef"
    )
    assert [definition.partition(" USING ")[2] for (definition,) in indexes] == [
        "btree (task_id, version)",
        "btree (seq)",
    ]
    attached = migrated.value(
        "select count(*) from pg_inherits "
        "where inhparent in ('task_events_task'::regclass, 'task_events_pkey'::regclass)"
    )
    assert attached == 2 * len(_bounds(migrated))


def test_concurrent_calls_make_each_partition_once(migrated: ScratchDatabase) -> None:
    before = len(_bounds(migrated))
    migrated.run("select setval('task_events_seq', %s)", (_bounds(migrated)[-1][1],))
    barrier = Barrier(6)

    def call() -> int:
        with migrated.connected("app") as connection, connection.cursor() as cursor:
            barrier.wait()
            cursor.execute("select ensure_event_partitions()")
            (made,) = cursor.fetchone() or (None,)
            assert isinstance(made, int)
            return made

    with ThreadPoolExecutor(6) as executor:
        made = sorted(call.result() for call in [executor.submit(call) for _ in range(6)])
    assert made[:-1] == [0] * 5
    assert made[-1] == len(_bounds(migrated)) - before == 4
    _assert_without_gap(migrated)


def test_writers_and_the_making_of_partitions_do_not_wait_for_each_other(migrated: ScratchDatabase) -> None:
    migrated.run("select setval('task_events_seq', %s)", (_bounds(migrated)[-1][1] - 10,))
    with (
        migrated.connected("app", autocommit=False) as writer,
        migrated.connected("app", autocommit=False) as maker,
        migrated.connected("app", autocommit=False) as late_writer,
    ):
        for connection in (writer, maker, late_writer):
            connection.cursor().execute("set lock_timeout = '5s'")
        writer.cursor().execute(_APPEND)
        with maker.cursor() as cursor:
            cursor.execute("select ensure_event_partitions()")
            assert cursor.fetchone() == (4,)
        late_writer.cursor().execute(_APPEND)
        late_writer.commit()
        maker.commit()
        writer.commit()
    assert migrated.value("select count(*) from task_events") == 2


def test_an_event_beyond_the_last_partition_is_refused_and_not_lost_silently(migrated: ScratchDatabase) -> None:
    migrated.run("select setval('task_events_seq', %s)", (_bounds(migrated)[-1][1],))
    with pytest.raises(CheckViolation, match="no partition"):
        migrated.run(_APPEND, role="app")


@pytest.mark.parametrize("arguments", ["0", "-1", "null", "1001", "4, 999", "4, null", "4, 1000000001"])
def test_senseless_arguments_are_refused(migrated: ScratchDatabase, arguments: str) -> None:
    with pytest.raises(InvalidParameterValue, match="ahead must be 1 to 1000 and size 1000 to 1000000000"):
        migrated.run(f"select ensure_event_partitions({arguments})")
