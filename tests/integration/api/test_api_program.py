"""The API program against PostgreSQL and Kafka, as they come and go."""

import asyncio
from uuid import uuid4

import pytest
from aiohttp import ClientSession

from taskmanager.config.settings import load_settings
from taskmanager.devstack import StackInfo
from taskmanager.programs.api.application import ApiApplication
from taskmanager.programs.factory import ApplicationFactory
from tests.scratch import ScratchDatabase

from .conftest import Line, serving

INSERT = """
insert into web_crawl_tasks (id, user_email, user_query, original_url, metadata, status, version, attempt, received_at,
    created_at, updated_at, started_at, finished_at, worker, progress, result)
values (%s, 'ann@example.com', 'prices', 'https://example.com/', '{"campaign": "7"}', 'completed', 3, 1,
    '2026-05-04 14:00:00+02', '2026-05-04 14:00:01+02', '2026-05-04 14:02:00+02', '2026-05-04 14:00:30+02',
    '2026-05-04 14:02:00+02', 'w-1', 1, '{"pages": 2}')
"""


async def until(client: ClientSession, path: str, status: int) -> None:
    """Asks again until the answer has this status; the test's own time limit ends a wait in vain."""
    while True:
        async with client.get(path) as response:
            await response.read()
            if response.status == status:
                return


async def test_a_task_is_read_from_the_database(client: ClientSession, database: ScratchDatabase) -> None:
    task_id = str(uuid4())
    database.run(INSERT, (task_id,))
    async with client.get(f"/api/tasks/{task_id}") as response:
        assert response.status == 200
        assert response.headers["ETag"] == '"3"'
        assert await response.json() == {
            "id": task_id, "status": "completed", "version": 3, "attempt": 1, "userEmail": "ann@example.com",
            "userQuery": "prices", "originalUrl": "https://example.com/", "metadata": {"campaign": "7"},
            "correlationId": None, "receivedAt": "2026-05-04T12:00:00Z", "createdAt": "2026-05-04T12:00:01Z",
            "updatedAt": "2026-05-04T12:02:00Z", "notBefore": None, "startedAt": "2026-05-04T12:00:30Z",
            "finishedAt": "2026-05-04T12:02:00Z", "lastHeartbeatAt": None, "durationSeconds": 90.0, "worker": "w-1",
            "progress": 1.0, "result": '{"pages": 2}', "error": None, "retryable": None,
        }  # fmt: skip


async def test_the_time_before_a_retry_is_no_part_of_the_duration(
    client: ClientSession, database: ScratchDatabase
) -> None:
    task_id = str(uuid4())
    database.run(INSERT, (task_id,))
    database.run("update web_crawl_tasks set started_at = null, attempt_started_at = finished_at - interval '20 s'")
    async with client.get(f"/api/tasks/{task_id}") as response:
        assert (await response.json())["durationSeconds"] == 20


async def test_a_deleted_task_is_not_there(client: ClientSession, database: ScratchDatabase) -> None:
    task_id = str(uuid4())
    database.run(INSERT, (task_id,))
    database.run("update web_crawl_tasks set deleted_at = now()")
    async with client.get(f"/api/tasks/{task_id}") as response:
        assert response.status == 404


async def test_health_is_red_while_the_database_is_away_and_green_again_by_itself(
    client: ClientSession, database_line: Line
) -> None:
    await until(client, "/api/health/ready", 200)
    await database_line.cut()
    await until(client, "/api/health/ready", 503)
    async with client.get(f"/api/tasks/{uuid4()}") as response:
        assert response.status == 503
    async with client.get("/api/health/live") as response:
        assert response.status == 200
    await database_line.mend()
    await until(client, "/api/health/ready", 200)
    async with client.get(f"/api/tasks/{uuid4()}") as response:
        assert response.status == 404


async def test_it_starts_before_the_database_is_there(environment: dict[str, str], database_line: Line) -> None:
    await database_line.cut()
    async with serving(environment) as client:
        await until(client, "/api/health/database", 503)
        await database_line.mend()
        await until(client, "/api/health/database", 200)


async def test_it_starts_before_the_brokers_are_there(environment: dict[str, str], stack: StackInfo) -> None:
    host, _, port = stack.kafka_brokers.rpartition(":")
    line = Line((host, int(port)))
    async with serving(environment | {"KAFKA_BROKERS": f"127.0.0.1:{line.port}"}) as client:
        await until(client, "/api/health/kafka", 503)
        await line.mend()
        await until(client, "/api/health/kafka", 200)
    await line.cut()


async def test_health_says_that_the_tables_are_missing_and_what_to_do(
    environment: dict[str, str], empty_database: ScratchDatabase
) -> None:
    async with serving(environment | {"POSTGRES_DB": empty_database.name}) as client:
        async with client.get("/api/health/database") as response:
            assert response.status == 503
            error = (await response.json())["checks"]["database"]["error"]
        assert error == "the tables are missing; run: taskmanager migrate"


async def test_health_names_a_topic_that_is_missing(environment: dict[str, str]) -> None:
    changed = environment | {"TASK_STATUS_TOPIC": "nobody-made-this"}
    async with serving(changed) as client, client.get("/api/health/kafka") as response:
        assert response.status == 503
        assert "nobody-made-this" in await response.text()


async def test_tasks_are_counted_by_the_databases_functions(client: ClientSession, database: ScratchDatabase) -> None:
    database.run(INSERT, (str(uuid4()),))
    database.run("update web_crawl_tasks set created_at = now() - interval '5 minutes'")
    database.run(
        "insert into task_counters values (date_trunc('hour', now() - interval '5 minutes'), 'completed', 'x', 1)"
    )
    async with client.get("/api/metrics/json?hours=2") as response:
        document = await response.json()
    assert document["tasks"] == {"new": 0, "in_progress": 0, "completed": 1, "error": 0, "cancelled": 0}


async def test_metrics_come_with_tasks_lag_and_this_processes_requests(client: ClientSession) -> None:
    await until(client, "/api/health/live", 200)
    text = ""
    while 'taskmanager_metrics_source_up{source="kafka"} 1.0' not in text:  # the topics are new: leaders come to be
        async with client.get("/api/metrics") as response:
            text = await response.text()
    assert 'taskmanager_metrics_source_up{source="database"} 1.0' in text
    assert 'web_crawl_tasks_total{status="new"} 0.0' in text
    assert 'http_requests_total{endpoint="/api/health/live",method="GET",status="200"}' in text


async def test_metrics_are_answered_while_the_database_is_away(client: ClientSession, database_line: Line) -> None:
    await database_line.cut()
    async with client.get("/api/metrics") as response:
        text = await response.text()
    assert response.status == 200
    assert 'taskmanager_metrics_source_up{source="database"} 0.0' in text
    assert 'taskmanager_metrics_source_up{source="processes"} 1.0' in text
    assert "web_crawl_tasks_total{" not in text


async def test_several_processes_share_a_port(environment: dict[str, str]) -> None:
    settings = load_settings(environment | {"API_PROCESSES": "2"})
    both = [ApiApplication(ApplicationFactory(settings, f"api-0{number}")) for number in range(2)]
    await asyncio.gather(*(application.start() for application in both))
    async with ClientSession(f"http://127.0.0.1:{settings.app.port}") as client:
        await until(client, "/api/health/live", 200)
    await asyncio.gather(*(application.stop() for application in both))


async def test_a_port_that_is_taken_is_an_error_at_the_start(environment: dict[str, str]) -> None:
    async with serving(environment):
        second = ApiApplication(ApplicationFactory(load_settings(environment), "api-00"))
        with pytest.raises(OSError, match="address already in use"):
            await second.start()
        await second.stop()


async def test_the_details_tell_of_pool_connections_breakers_and_lag(
    client: ClientSession, topics: dict[str, str]
) -> None:
    await until(client, "/api/health/detailed", 200)
    lag: dict[str, object] = {}
    while "error" in lag or not lag:  # the topics are new: leaders come to be
        async with client.get("/api/health/detailed") as response:
            document = await response.json()
        lag = document["details"]["lag"]
    assert lag == {topic: {"0": 0, "1": 0} for topic in topics.values()}
    assert document["circuits"] == {"postgresql": "closed", "kafka": "closed"}
    assert document["details"]["pool"]["size"] > 0
    assert document["details"]["connections"]["busy"] == 1
    assert document["checks"]["database"]["version"].startswith("18")


async def test_it_is_ready_without_kafka(environment: dict[str, str]) -> None:
    async with serving(environment | {"KAFKA_BROKERS": "127.0.0.1:1"}) as client:
        await until(client, "/api/health/kafka", 503)
        await until(client, "/api/health/ready", 200)
        async with client.get("/api/health") as response:
            assert response.status == 503
