"""Tasks without a sign of life, on the real write path."""

import asyncio
from datetime import timedelta

import pytest

from taskmanager.application.changes import Changes
from taskmanager.application.decide import Decision
from taskmanager.application.use_cases.housekeeping import stuck_tasks
from taskmanager.application.use_cases.housekeeping.ingestion_clock import Reading
from taskmanager.domain.lease import RetryPolicy
from tests.builders import task_id
from tests.fakes.batches import batch_of
from tests.fakes.messages import report, request
from tests.faults.waiting import until
from tests.integration.housekeeping.home import LEASE, Home

_SILENCE = LEASE.heartbeat_timeout.total_seconds()


async def test_a_silent_worker_loses_its_task_and_the_next_attempt_waits(home: Home) -> None:
    await home.receive(request(), report("started", {"worker": "w"}))
    home.clock.pass_seconds(_SILENCE)
    done = await home.stuck_tasks().apply(home.reading)

    assert done.effects == {"retried": 1, "failed": 0}
    assert home.states() == [("new", 2, 3)]
    assert home.events(task_id()) == [("TaskCreated", None), ("TaskStarted", None), ("TaskRetried", "housekeeper")]
    ((not_before, worker),) = home.database.run("select not_before, worker from web_crawl_tasks")
    assert (not_before, worker) == (home.clock.now() + timedelta(seconds=10), None)
    home.verify()


async def test_one_second_earlier_nothing_happens(home: Home) -> None:
    await home.receive(request(), report("started"))
    home.clock.pass_seconds(_SILENCE - 1)

    assert (await home.stuck_tasks().apply(home.reading)).affected == 0
    assert home.states() == [("in_progress", 1, 2)]
    assert "first lease ends at 2026-03-01 12:06:00" in await home.stuck_tasks().outlook(home.reading)


async def test_heartbeats_hold_a_lease_up_to_the_longest_time_of_an_attempt(home: Home) -> None:
    await home.receive(request(), report("started"))
    for _ in range(14):
        home.clock.pass_seconds(_SILENCE - 60)
        await home.receive(report("started", {"progress": 0.5}))
        assert (await home.stuck_tasks().apply(home.reading)).affected == 0
    home.clock.pass_seconds(_SILENCE - 60)

    assert (await home.stuck_tasks().apply(home.reading)).affected == 1
    reason = home.database.value("select data ->> 'reason' from task_events where type = 'TaskRetried'")
    assert reason == "timed out: in progress for 3600 s"
    home.verify()


async def test_the_last_attempt_fails_for_good_and_reports_of_attempts_that_are_over_are_kept(home: Home) -> None:
    rule = home.stuck_tasks()
    await home.receive(request())
    for attempt in (1, 2, 3):
        await home.receive(report("started", headers={"attempt": str(attempt)}))
        home.clock.pass_seconds(_SILENCE)
        effects = (await rule.apply(home.reading)).effects
        assert effects == {"retried": int(attempt < 3), "failed": int(attempt == 3)}
    await home.receive(report("completed", headers={"attempt": "1"}))

    assert home.states() == [("error", 3, 7)]
    ((error, retryable),) = home.database.run("select error, retryable from web_crawl_tasks")
    assert error == "timed out: no sign of life for 300 s, in attempt 3"
    assert retryable is False
    assert home.database.run("select reason from refused_reports") == [("stale_attempt",)]
    home.verify()


async def test_a_late_report_that_names_no_attempt_is_stale_by_its_time(home: Home) -> None:
    await home.receive(request(), report("started"))
    home.clock.pass_seconds(_SILENCE)
    await home.stuck_tasks().apply(home.reading)
    await home.receive(report("completed"))

    assert home.states() == [("new", 2, 3)]
    assert home.database.run("select reason from refused_reports") == [("stale_attempt",)]
    home.verify()


async def test_while_messages_wait_nobody_is_given_up(home: Home) -> None:
    await home.receive(request(), report("started"))
    home.clock.pass_seconds(10 * _SILENCE)
    held = Reading(None, home.clock.now(), "7 messages are not read yet")

    for rule in (home.stuck_tasks(), home.parked_reports()):
        assert (await rule.apply(held)).affected == (await rule.preview(held)).affected == 0
        assert "7 messages are not read yet" in await rule.outlook(held)
    assert home.states() == [("in_progress", 1, 2)]


async def test_a_dry_run_counts_and_changes_nothing(home: Home) -> None:
    await home.receive(
        *(request(id=task_id(n)) for n in range(4)), *(report("started", id=task_id(n)) for n in range(3))
    )
    home.clock.pass_seconds(_SILENCE)

    assert (await home.stuck_tasks().preview(home.reading)).effects == {"retried": 3, "failed": 0}
    once = RetryPolicy(1, timedelta(), timedelta())
    assert (await home.stuck_tasks(once).preview(home.reading)).effects == {"retried": 0, "failed": 3}
    assert home.states() == [*[("in_progress", 1, 2)] * 3, ("new", 1, 1)]


@pytest.mark.parametrize(("status", "left"), [("completed", ("completed", 1, 3)), ("started", ("in_progress", 1, 2))])
async def test_a_report_that_holds_the_row_wins(home: Home, status: str, left: tuple[str, int, int]) -> None:
    await home.receive(request(), report("started"))
    home.clock.pass_seconds(_SILENCE)
    late = report(status, offset=1)
    batch = batch_of([late])
    changes = Changes(home.clock.now(), batch.progress(home.clock.now()))
    async with home.consumer_store.transaction() as transaction:
        snapshot = await transaction.load(batch.claims(), [task_id()], [])
        rule = asyncio.create_task(home.stuck_tasks().apply(home.reading))
        await asyncio.to_thread(until, home.somebody_waits_for_a_lock, "the rule waits for the row")
        Decision(snapshot, changes).decide(batch.messages, batch.commands)
        await transaction.commit(home.consumer_store.serialise(changes))

    assert (await rule).affected == 0
    assert home.states() == [left]
    home.verify()


async def test_many_tasks_are_ended_in_stretches_each_once(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stuck_tasks, "_STRETCH", 7)
    monkeypatch.setattr(stuck_tasks, "_TRANSACTION", 3)
    await home.receive(*(request(id=task_id(n)) for n in range(50)))
    await home.receive(*(report("started", id=task_id(n)) for n in range(50)))
    home.clock.pass_seconds(_SILENCE)
    rule = home.stuck_tasks()
    rounds = [await rule.apply(home.reading) for _ in range(2)]

    assert [done.affected for done in rounds] == [28, 22]
    assert [done.more for done in rounds] == [True, False]
    assert set(home.states()) == {("new", 2, 3)}
    home.verify()


async def test_two_housekeepers_at_once_end_each_attempt_once(home: Home) -> None:
    await home.receive(*(request(id=task_id(n)) for n in range(300)))
    await home.receive(*(report("started", id=task_id(n)) for n in range(300)))
    home.clock.pass_seconds(_SILENCE)
    other = stuck_tasks.StuckTasks(
        home.tables,
        home.consumer_store,
        home.clock,
        LEASE,
        RetryPolicy(3, timedelta(), timedelta()),
        jitter=lambda: 1.0,
    )
    one, two = await asyncio.gather(home.stuck_tasks().apply(home.reading), other.apply(home.reading))

    assert one.affected + two.affected == 300
    assert set(home.states()) == {("new", 2, 3)}
    home.verify()
