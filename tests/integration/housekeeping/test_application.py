"""The program's life: start, stop, stop twice, stop before the start, stop while everything is away."""

import asyncio
from uuid import uuid4

import pytest

from taskmanager.config.settings import load_settings
from taskmanager.programs.factory import ApplicationFactory
from taskmanager.programs.housekeeper.application import NAME, HousekeeperApplication
from tests.faults.waiting import until
from tests.scratch import ScratchDatabase


def application(database: ScratchDatabase, **environment: str) -> HousekeeperApplication:
    topics = {
        "WEB_CRAWL_REQUEST_TOPIC": f"requests-{uuid4().hex[:8]}",
        "TASK_STATUS_TOPIC": f"status-{uuid4().hex[:8]}",
    }
    settings = load_settings({**database.environment, **topics, "HOUSEKEEPING_INTERVAL": "0.1", **environment})
    return HousekeeperApplication(ApplicationFactory(settings, NAME))


async def test_it_can_be_stopped_before_its_start_and_twice(database: ScratchDatabase) -> None:
    housekeeper = application(database)
    await housekeeper.stop()
    await housekeeper.stop()
    await housekeeper.wait()


async def test_it_leads_until_it_is_stopped(database: ScratchDatabase) -> None:
    housekeeper = application(database)
    await housekeeper.start()
    leads = "select 1 from event_readers where name = 'housekeeper'"
    await asyncio.to_thread(until, lambda: database.run(leads), "it leads")
    await housekeeper.stop()
    await housekeeper.wait()

    held = """select count(*) from pg_locks l join pg_database d on d.oid = l.database
        where l.locktype = 'advisory' and d.datname = current_database()"""
    assert database.value(held) == 0


@pytest.mark.parametrize("away", ["POSTGRES_PORT", "KAFKA_BROKERS"])
async def test_a_stop_does_not_wait_for_servers_that_are_not_there(
    database: ScratchDatabase, unused_tcp_port: int, away: str
) -> None:
    port = str(unused_tcp_port)
    housekeeper = application(database, **{away: port if away == "POSTGRES_PORT" else f"127.0.0.1:{port}"})
    await housekeeper.start()
    await asyncio.sleep(0)
    async with asyncio.timeout(10):
        await housekeeper.stop()
        await housekeeper.wait()
