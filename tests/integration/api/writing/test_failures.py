"""A database that refuses rows, a network that fails at COMMIT, and callers that go away."""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientSession, ClientTimeout

from taskmanager.config.settings import load_settings
from taskmanager.infrastructure.postgres import task_store
from taskmanager.programs.api.application import ApiApplication
from taskmanager.programs.factory import ApplicationFactory
from tests.integration.ingest.proxy import Fault, FaultyProxy
from tests.scratch import ScratchDatabase

from .conftest import TASK, Api, broken_promises

# Refuses tasks that ask for "refuse <SQLSTATE>".
_RULE = """
create function refuse() returns trigger language plpgsql as $$
begin
    if new.user_query like 'refuse %' then
        raise exception 'a rule against "%"', new.user_query
            using errcode = substr(new.user_query, 8), constraint = 'house_rule';
    end if;
    return new;
end $$;
create trigger refuse before insert on web_crawl_tasks for each row execute function refuse();
"""

_ABORTED = "select pid from pg_stat_activity where datname = current_database() and state like 'idle in transaction%'"


@pytest.fixture
async def far_api(database: ScratchDatabase, proxy: FaultyProxy, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Api]:
    """An API that reaches the database by that network."""
    monkeypatch.setattr(task_store, "_SETTLE_PAUSES", (0.001,))
    monkeypatch.setenv("PGGSSENCMODE", "disable")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {"APP_PORT": str(port), "POSTGRES_PORT": str(proxy.port), "METRICS_ENABLED": "false"}
    settings = load_settings(database.environment | environment)
    application = ApiApplication(ApplicationFactory(settings, "api-00"))
    await application.start()
    async with ClientSession(f"http://127.0.0.1:{port}") as session:
        yield Api(session)
    await application.stop()


@pytest.mark.parametrize("code", ["22021", "23514", "54000"])
async def test_neighbours_of_rows_that_are_refused_take_effect(api: Api, database: ScratchDatabase, code: str) -> None:
    database.run(_RULE)
    bad = {3, 4, 17, 40}
    queries = [f"refuse {code}" if number in bad else f"question {number}" for number in range(64)]
    replies = await asyncio.gather(*(api.create(TASK | {"userQuery": query}) for query in queries))
    assert {number for number, reply in enumerate(replies) if reply.status == 422} == bad
    assert {reply.status for reply in replies} == {201, 422}
    assert b"refuse" not in replies[3].raw.replace(b"refuses", b"")
    assert database.value("select count(*) from web_crawl_tasks") == 60
    assert database.run(_ABORTED, role="superuser") == []
    assert broken_promises(database) == []


@pytest.mark.parametrize("key", [None, "k"])
async def test_an_answer_that_is_lost_after_the_commit_is_found_out(
    far_api: Api, proxy: FaultyProxy, database: ScratchDatabase, key: str | None
) -> None:
    proxy.inject(Fault.CUT_AFTER)
    reply = await far_api.create(**({} if key is None else {"Idempotency_Key": key}))
    assert proxy.happened == {Fault.CUT_AFTER: 1}
    assert reply.status == 201
    assert database.value("select count(*) from web_crawl_tasks") == 1
    assert (await far_api.send("GET", reply.headers["Location"])).body == reply.body


async def test_a_change_whose_commit_is_lost_takes_effect_once(
    far_api: Api, proxy: FaultyProxy, database: ScratchDatabase
) -> None:
    path = await far_api.created()
    await far_api.send("POST", f"{path}/cancel")
    proxy.inject(Fault.CUT_AFTER)
    reply = await far_api.send("POST", f"{path}/retry")
    assert proxy.happened == {Fault.CUT_AFTER: 1}
    assert (reply.status, reply.body["attempt"]) == (200, 2)
    assert broken_promises(database) == []


async def test_a_commit_that_never_arrived_is_made_again(
    far_api: Api, proxy: FaultyProxy, database: ScratchDatabase
) -> None:
    proxy.inject(Fault.CUT_BEFORE)
    assert (await far_api.create()).status == 201
    assert proxy.happened == {Fault.CUT_BEFORE: 1}
    assert database.value("select count(*) from web_crawl_tasks") == 1


async def test_a_network_that_fails_at_every_commit_loses_and_doubles_nothing(
    far_api: Api, proxy: FaultyProxy, database: ScratchDatabase
) -> None:
    proxy.inject(*[Fault.CUT_BEFORE, Fault.CUT_AFTER, Fault.CUT_BEFORE, Fault.CUT_BEFORE, Fault.CUT_AFTER] * 4)

    async def until_made(key: str) -> str:
        while (reply := await far_api.create(Idempotency_Key=key)).status == 503:
            assert int(reply.headers["Retry-After"]) >= 1
        assert reply.status == 201, reply.raw
        return reply.headers["Location"]

    made = await asyncio.gather(*(until_made(f"k-{number % 50}") for number in range(100)))
    assert sum(proxy.happened.values()) >= 3
    assert len(set(made)) == database.value("select count(*) from web_crawl_tasks") == 50
    assert broken_promises(database) == []


async def test_callers_that_go_away_break_no_group(api: Api, database: ScratchDatabase) -> None:
    impatient = ClientTimeout(total=0.002)
    gone = asyncio.gather(
        *(api._session.post("/api/tasks", json=TASK, timeout=impatient) for _ in range(100)), return_exceptions=True
    )
    stayed = asyncio.gather(*(api.create(TASK | {"userQuery": "stayed"}) for _ in range(100)))
    assert {reply.status for reply in await stayed} == {201}
    assert any(isinstance(each, TimeoutError) for each in await gone)
    assert database.value("select count(*) from web_crawl_tasks where user_query = 'stayed'") == 100
    assert broken_promises(database) == []
