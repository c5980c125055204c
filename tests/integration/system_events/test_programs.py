"""Real programs tell of themselves on a real topic."""

import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from taskmanager.devstack import StackInfo
from tests.faults.waiting import until
from tests.faults.world import World, a_world
from tests.integration.system_events.conftest import SystemTopic


@pytest.fixture
def world(stack: StackInfo, template_database: str, tmp_path: Path, system_topic: SystemTopic) -> Iterator[World]:
    """A database and topics, and programs that report every tenth of a second."""
    with a_world(stack, template_database, tmp_path) as world:
        world.environment |= {
            "SYSTEM_EVENTS_TOPIC": system_topic.name,
            "SYSTEM_EVENTS_INTERVAL": "0.1",
            "PROMETHEUS_MULTIPROC_DIR": str(tmp_path / "metrics"),
        }
        yield world


def test_a_consumer_tells_of_its_health_and_of_what_it_has_counted(world: World, system_topic: SystemTopic) -> None:
    consumer = world.start("consumer")
    world.send(world.lives.first(100))
    world.await_settled()
    counted = "kafka_consumer_messages_processed_total"
    until(
        lambda: any(event["figures"].get(counted) == 100 for event in system_topic.events("MetricsUpdate")),
        "all messages counted",
    )
    consumer.send(signal.SIGTERM)

    assert consumer.wait(30) == 0
    first = system_topic.events("HealthCheck")[0]
    assert (first["process"], first["healthy"], first["checks"]) == ("consumer-00", True, {"process": "ok"})
    message = system_topic.messages[0]
    headers = dict(message.headers())
    assert (message.key(), headers["event_type"], headers["process"]) == (
        b"consumer-00",
        b"HealthCheck",
        b"consumer-00",
    )
    assert (headers["source"], headers["version"], headers["event_id"]) == (
        b"task-manager",
        b"1",
        first["eventId"].encode(),
    )
    bodies = system_topic.events("HealthCheck") + system_topic.events("MetricsUpdate")
    assert len({body["eventId"] for body in bodies}) == len(bodies)


def test_the_api_tells_how_it_finds_what_it_depends_on(world: World, system_topic: SystemTopic) -> None:
    api = world.start("api", APP_PORT=str(_free_port()), HEALTH_CHECK_CACHE_MS="0")
    until(lambda: system_topic.events("HealthCheck")[-1:] and system_topic.events("MetricsUpdate"), "reports")
    health = system_topic.events("HealthCheck")[-1]
    assert (health["process"], health["healthy"], set(health["checks"])) == ("api-00", True, {"database", "kafka"})

    world.database.run("alter table web_crawl_tasks rename to elsewhere")
    until(lambda: not system_topic.events("HealthCheck")[-1]["healthy"], "the missing table seen")

    checks = system_topic.events("HealthCheck")[-1]["checks"]
    assert checks["kafka"] == "ok"
    assert checks["database"] != "ok"
    assert api.is_alive


def test_an_error_that_ends_a_program_is_told_before_its_end(world: World, system_topic: SystemTopic) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        program = world.start("metrics", METRICS_PORT=str(taken.getsockname()[1]))
        assert program.wait(30) != 0
    (error,) = system_topic.await_events("ErrorOccurred")

    assert (error["process"], error["error"]) == ("metrics", "start_failed")
    assert "address already in use" in error["detail"]


def test_a_program_without_system_events_sends_none_and_needs_no_client(
    world: World, system_topic: SystemTopic
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        silent = world.start("metrics", METRICS_PORT=port, SYSTEM_EVENTS_INTERVAL="0")
        assert silent.wait(30) != 0
        loud = world.start("metrics", METRICS_PORT=port)
        assert loud.wait(30) != 0
    system_topic.await_events("ErrorOccurred")

    assert len(system_topic.messages) == 1


def test_programs_end_in_time_when_kafka_is_away(world: World) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts, and never answers
        program = world.start(
            "metrics",
            METRICS_PORT=str(_free_port()),
            KAFKA_BROKERS=f"127.0.0.1:{silent.getsockname()[1]}",
            GRACEFUL_SHUTDOWN_TIMEOUT="5",
        )
        until(lambda: program.events("started"), "the program up")
        program.send(signal.SIGTERM)

        assert program.wait(30) == 0


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port
