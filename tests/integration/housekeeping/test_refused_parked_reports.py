"""A parked report that the database refuses costs neither its task nor those that wait beside it."""

import pytest

from taskmanager.application.commands import Reject
from taskmanager.application.dead_letters import DeadLetterReason
from taskmanager.application.use_cases.apply_parked import ApplyParked
from tests.builders import task_id
from tests.fakes.messages import STATUSES, report, request
from tests.integration.housekeeping.home import Home

_RULE = """create function no_poison() returns trigger language plpgsql as $$ begin
    if new.result = 'poison' then raise exception 'no' using errcode = '22000'; end if; return new; end $$;
    create trigger no_poison before insert or update on web_crawl_tasks for each row execute function no_poison()"""
_LETTERS = "select source_topic, source_offset, reason, task_id::text, key, value from dead_letters"


@pytest.mark.parametrize("beside", [(), (report("started"),)])
async def test_the_task_is_made_and_the_report_becomes_a_dead_letter(home: Home, beside: tuple[object, ...]) -> None:
    home.database.run(_RULE)
    poison = report("completed", {"result": "poison"}, key=b"\xff")
    await home.receive(report("started"), poison, report("failed", {"error": "later"}))
    await home.receive(request(), *beside)  # type: ignore[arg-type]
    assert [status for status, _, _ in home.states()] == ["in_progress" if beside else "new"]
    assert home.database.value("select count(*) from dead_letters") == 0

    sweep = ApplyParked(home.consumer_store, home.clock)
    applied = await sweep()
    assert (applied, await sweep()) == (2, 0)
    ((topic, offset, reason, task, key, value),) = home.database.run(_LETTERS)
    assert (topic, offset, reason, task) == (STATUSES, 1, "refused_by_database", task_id())
    assert (bytes(key), bytes(value)) == (poison.key, poison.value)
    assert [status for status, _, _ in home.states()] == ["error"]
    assert home.database.value("select count(*) from parked_statuses") == 0
    home.verify()


async def test_a_report_that_is_being_applied_is_not_buried(home: Home) -> None:
    home.database.run(_RULE)
    await home.receive(report("completed", {"result": "poison"}))
    await home.receive(request())
    store = home.consumer_store
    with home.database.connected("app", autocommit=False) as other:
        other.cursor().execute("select 1 from parked_statuses for update")
        reject = Reject(DeadLetterReason.REFUSED_BY_DATABASE, "no", None)
        assert not await store.bury_parked(1, reject, home.clock.now())
        other.rollback()
    assert await store.bury_parked(1, reject, home.clock.now())
    assert not await store.bury_parked(1, reject, home.clock.now())
    home.verify()
