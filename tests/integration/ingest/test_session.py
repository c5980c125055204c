"""A session survives whatever becomes of its connection, and says what it was."""

import asyncio
import gc
import weakref
from contextlib import suppress

import pytest

from taskmanager.application.ports import GIVEN_UP, RowRefused, StoreConflict, StoreError, StoreUnavailable
from taskmanager.infrastructure.postgres.session import Script, Session
from tests.integration.ingest.conftest import Open
from tests.integration.ingest.proxy import Fault, FaultyProxy
from tests.scratch import ScratchDatabase

_IS_SLEEPING = """select count(*) from pg_stat_activity
    where pid = %s and state = 'active' and wait_event = 'PgSleep'"""
_IS_GONE = "select (count(*) = 0)::int from pg_stat_activity where pid = %s"


async def reached(database: ScratchDatabase, statement: str, pid: object) -> None:
    """Returns once the statement answers something but zero for this backend."""
    answer = 0
    async with asyncio.timeout(20):
        while not answer:
            ((answer,),) = await asyncio.to_thread(database.run, statement, (pid,), role="superuser")


async def failure_of(session: Session, statement: str) -> StoreError:
    """What the statement raises."""
    with pytest.raises(StoreError) as caught:
        await session.execute(statement)
    return caught.value


async def test_several_statements_are_one_round_trip_and_answer_the_rows_of_the_last(session: Open) -> None:
    assert await session().execute("select 1; select %(x)s, 'ü'", {"x": 2}) == [(2, "ü")]


async def test_a_script_runs_in_the_sessions_thread_without_the_loop(session: Open) -> None:
    def twice(script: Script) -> list[object]:
        return [script.execute("select pg_backend_pid()"), script.execute("select pg_backend_pid()")]

    first, second = await session().run(twice)
    assert first == second


async def test_texts_arrive_whatever_encoding_the_environment_asks_for(
    session: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGCLIENTENCODING", "LATIN1")

    assert await session().execute("select %(text)s", {"text": "日本 😀"}) == [("日本 😀",)]


@pytest.mark.parametrize(
    ("statement", "kind", "code"),
    [
        ("select 'x'::int", RowRefused, "22P02"),
        ("insert into web_crawl_tasks (id) values (gen_random_uuid())", RowRefused, "23502"),
        ("select * from nothing", StoreUnavailable, "42P01"),
        ("delete from task_events", StoreUnavailable, "42501"),
    ],
)
async def test_what_the_server_answers_leaves_the_connection_open(
    session: Open, statement: str, kind: type[StoreError], code: str
) -> None:
    used = session()
    ((pid,),) = await used.execute("select pg_backend_pid()")
    failure = await failure_of(used, statement)

    assert isinstance(failure, kind)
    assert code in str(failure)
    assert used.is_open
    assert await used.execute("select pg_backend_pid()") == [(pid,)]


async def test_a_statement_that_someone_cancels_is_no_cancellation_of_ours(
    session: Open, database: ScratchDatabase
) -> None:
    used = session()
    ((pid,),) = await used.execute("select pg_backend_pid()")
    waiting = asyncio.create_task(used.execute("select pg_sleep(60)"))
    await reached(database, _IS_SLEEPING, pid)
    database.run("select pg_cancel_backend(%s)", (pid,), role="superuser")
    (failure,) = await asyncio.gather(waiting, return_exceptions=True)

    assert isinstance(failure, StoreUnavailable)
    assert failure.kind == GIVEN_UP
    assert used.is_open
    assert await used.execute("select 1") == [(1,)]


async def test_a_statement_that_takes_too_long_is_ended_by_the_server(session: Open) -> None:
    used = session(options="-c statement_timeout=50")
    failure = await failure_of(used, "select pg_sleep(60)")

    assert isinstance(failure, StoreUnavailable)
    assert (failure.kind, used.is_open) == (GIVEN_UP, True)


async def test_a_terminated_backend_is_replaced(session: Open, database: ScratchDatabase) -> None:
    used = session()
    ((pid,),) = await used.execute("select pg_backend_pid()")
    waiting = asyncio.create_task(used.execute("select pg_sleep(60)"))
    await reached(database, _IS_SLEEPING, pid)
    database.run("select pg_terminate_backend(%s)", (pid,), role="superuser")
    (failure,) = await asyncio.gather(waiting, return_exceptions=True)

    assert isinstance(failure, StoreUnavailable)
    assert not used.is_open
    assert await used.execute("select pg_backend_pid()") != [(pid,)]


async def test_a_connection_that_was_lost_while_idle_is_found_out_at_the_next_statement(
    session: Open, database: ScratchDatabase
) -> None:
    used = session()
    ((pid,),) = await used.execute("select pg_backend_pid()")
    database.run("select pg_terminate_backend(%s, 5000)", (pid,), role="superuser")

    assert isinstance(await failure_of(used, "select 1"), StoreUnavailable)
    assert not used.is_open
    assert await used.execute("select 1") == [(1,)]


async def test_a_server_that_answers_no_more_is_given_up(through: Open, proxy: FaultyProxy) -> None:
    used = through(timeout=0.3)
    await used.execute("begin")
    proxy.inject(Fault.FREEZE_BEFORE)
    failure = await asyncio.wait_for(failure_of(used, "commit"), 10)

    assert proxy.happened == {Fault.FREEZE_BEFORE: 1}
    assert isinstance(failure, StoreUnavailable)
    assert (failure.kind, used.is_open) == ("connection", False)
    assert await used.execute("select 1") == [(1,)]


async def test_the_time_that_a_call_waits_for_its_turn_is_not_its_own(session: Open) -> None:
    used = session(timeout=1.0)
    await used.execute("select 1")
    async with asyncio.timeout(20):
        calls = await asyncio.gather(*(used.execute("select 1 from pg_sleep(0.6)") for _ in range(3)))

    assert calls == [[(1,)]] * 3


async def test_a_call_that_nobody_waits_for_any_more_is_given_up_too(through: Open, proxy: FaultyProxy) -> None:
    used = through(timeout=1.0)
    await used.execute("begin")
    proxy.inject(Fault.FREEZE_BEFORE)
    abandoned = asyncio.create_task(used.execute("commit"))
    async with asyncio.timeout(20):
        while not proxy.happened:  # noqa: ASYNC110 - it only counts
            await asyncio.sleep(0.01)
        abandoned.cancel()
        waiting = await asyncio.gather(used.execute("select 1"), used.execute("select 2"))

    assert waiting == [[(1,)], [(2,)]]


async def test_a_server_that_is_not_there_is_unavailable_until_it_is(
    session: Open, database: ScratchDatabase, unused_tcp_port: int
) -> None:
    used = session(port=unused_tcp_port)
    failure = await failure_of(used, "select 1")
    assert isinstance(failure, StoreUnavailable)
    assert failure.kind == "connection"
    assert not used.is_open

    used._connect = dict(used._connect) | {"port": database.info.postgres_port}
    assert await used.execute("select 1") == [(1,)]


async def test_a_password_that_is_refused_may_be_put_right_later(session: Open) -> None:
    assert isinstance(await failure_of(session(password="wrong"), "select 1"), StoreUnavailable)


async def test_a_server_that_only_reads_is_unavailable(session: Open) -> None:
    used = session(options="-c default_transaction_read_only=on")
    failure = await failure_of(used, "update consumer_offsets set next_offset = 1")

    assert isinstance(failure, StoreUnavailable)
    assert failure.kind == "25"


async def test_a_lock_that_takes_too_long_is_unavailable(session: Open, database: ScratchDatabase) -> None:
    holder, used = session(), session(options="-c lock_timeout=50")
    await holder.execute("begin; lock table consumer_offsets")
    failure = await failure_of(used, "select 1 from consumer_offsets")
    await holder.rollback()

    assert isinstance(failure, StoreUnavailable)
    assert failure.kind == GIVEN_UP


async def test_of_a_deadlock_one_is_to_decide_again(session: Open, database: ScratchDatabase) -> None:
    database.run("create table locks (n int); insert into locks values (1), (2);"
                 " grant select, update on locks to public")  # fmt: skip
    pair = [session(), session()]
    lock = "select n from locks where n = {} for update"
    for number, used in enumerate(pair, 1):
        await used.execute(f"begin; {lock.format(number)}")
    outcomes = await asyncio.gather(
        pair[0].execute(lock.format(2)), pair[1].execute(lock.format(1) + "; rollback"), return_exceptions=True
    )
    failures = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    for used in pair:
        await used.rollback()

    assert [type(failure) for failure in failures] == [StoreConflict]


async def test_a_transaction_that_idles_too_long_is_not_continued_on_another_connection(
    session: Open, database: ScratchDatabase
) -> None:
    used = session(options="-c idle_in_transaction_session_timeout=30")
    ((pid,),) = await used.execute("begin; select pg_backend_pid()")
    await reached(database, _IS_GONE, pid)

    assert isinstance(await failure_of(used, "update consumer_offsets set next_offset = 1"), StoreUnavailable)


async def test_rolling_back_without_a_connection_or_a_transaction_does_nothing(session: Open) -> None:
    used = session()
    await used.rollback()
    assert not used.is_open
    await used.execute("select 1")
    await used.rollback()
    assert await used.execute("select 1") == [(1,)]


async def test_one_who_gives_up_waiting_leaves_the_session_in_order(session: Open, database: ScratchDatabase) -> None:
    used = session()
    await used.execute("create temporary table seen (n int)")
    waiting = asyncio.create_task(used.execute("select pg_sleep(0.05); insert into seen values (1)"))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting

    assert await used.execute("select n from seen") == [(1,)]


async def test_a_rollback_reaches_a_transaction_that_began_after_its_caller_had_gone(session: Open) -> None:
    used = session()
    assert not used.is_open
    waiting = asyncio.create_task(used.execute("begin; select pg_sleep(0.05)"))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await used.rollback()

    assert await used.execute("select now() = statement_timestamp()") == [(True,)]


async def test_closing_ends_the_connection_and_may_be_repeated(session: Open, database: ScratchDatabase) -> None:
    used = session()
    ((pid,),) = await used.execute("select pg_backend_pid()")
    await used.close()
    await used.close()

    assert not used.is_open
    await reached(database, _IS_GONE, pid)


class _Payload:
    """Something large that a call carries."""


async def test_a_failed_call_keeps_nothing_alive(session: Open) -> None:
    failing = session()
    payload = _Payload()
    kept = weakref.ref(payload)

    def work(script: Script, carried: _Payload = payload) -> None:
        script.execute("select 'x'::int")

    gc.collect()
    gc.disable()  # consumers collect seldom: what only the collector frees would pile up
    try:
        with suppress(RowRefused):
            await failing.run(work)
        del work, payload
        await asyncio.sleep(0)  # the loop itself holds the answer that it has just delivered
        assert kept() is None
    finally:
        gc.enable()


async def test_the_failure_of_a_row_does_not_drag_the_row_along(session: Open) -> None:
    failure = await failure_of(session(), "select 'secret'::int")

    assert isinstance(failure, RowRefused)
    assert failure.__cause__ is None
    assert failure.__suppress_context__
