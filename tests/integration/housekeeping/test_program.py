"""`taskmanager housekeeper` by hand, on the real servers."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from uuid import uuid4

import pytest
from confluent_kafka import Producer

from taskmanager.devstack import StackInfo
from taskmanager.devstack.topics import create_topics, delete_topics
from tests.scratch import ScratchDatabase

_INHERITED = ("PATH", "HOME", "LANG", "PYTHONPATH", "COVERAGE_PROCESS_START")
_RULES = [
    "stuck-tasks",
    "parked-reports",
    "partitions",
    "idempotency-keys",
    "bulk-operations",
    "task-counters",
    "retention",
]


def run(environment: Mapping[str, str], *arguments: str) -> tuple[int, str, str]:
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-m", "taskmanager", "housekeeper", *arguments],
        env=inherited | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def environment(database: ScratchDatabase, stack: StackInfo) -> Iterator[dict[str, str]]:
    """An empty database and two empty topics."""
    names = {"WEB_CRAWL_REQUEST_TOPIC": f"requests-{uuid4().hex[:8]}", "TASK_STATUS_TOPIC": f"status-{uuid4().hex[:8]}"}
    create_topics(stack.kafka_brokers, dict.fromkeys(names.values(), 2))
    yield database.environment | names
    delete_topics(stack.kafka_brokers, list(names.values()))


def test_one_pass_tells_of_every_rule(environment: dict[str, str]) -> None:
    code, out, err = run(environment, "--once")

    assert (code, err) == (0, "")
    first, *rules = out.splitlines()
    assert first.startswith("everything that lay in Kafka at ")
    assert [line.split()[0] for line in rules] == _RULES
    assert all(" nothing: " in line for line in rules)


def test_rules_can_be_chosen(environment: dict[str, str]) -> None:
    code, out, _ = run(environment, "--once", "--rule", "partitions", "--dry-run", "--json")

    document = json.loads(out)
    assert (code, document["dryRun"], document["problem"]) == (0, True, None)
    assert [rule["rule"] for rule in document["rules"]] == ["partitions"]


def test_what_lies_in_an_open_transaction_is_not_ingested(environment: dict[str, str], stack: StackInfo) -> None:
    producer = Producer({"bootstrap.servers": stack.kafka_brokers, "transactional.id": uuid4().hex, "log_level": 0})
    producer.init_transactions()
    producer.begin_transaction()
    producer.produce(environment["TASK_STATUS_TOPIC"], b"report", partition=1)
    producer.flush()
    code, out, _ = run(environment, "--once", "--json")
    producer.abort_transaction()

    document = json.loads(out)
    assert (code, document["ingestedUntil"], document["problem"]) == (0, None, "1 message is not read yet")
    assert "nobody is given up" in document["rules"][0]["note"]


def test_without_kafka_the_rules_that_do_not_need_it_are_applied(environment: dict[str, str]) -> None:
    code, out, _ = run(environment | {"KAFKA_BROKERS": "127.0.0.1:1"}, "--once")

    assert code == 0
    assert out.splitlines()[0] == "Kafka does not answer"
    assert "nobody is given up: Kafka does not answer" in out
    assert "enough partitions" in out


def test_without_the_database_trying_again_later_may_help(environment: dict[str, str]) -> None:
    code, out, err = run(environment | {"POSTGRES_PORT": "1"}, "--once")

    assert (code, out) == (75, "")
    assert "Connection refused" in err


@pytest.mark.parametrize("arguments", [["--dry-run"], ["--json"], ["--rule", "retention"]])
def test_what_is_for_one_pass_is_refused_without_it(environment: dict[str, str], arguments: list[str]) -> None:
    code, _, err = run(environment, *arguments)

    assert code == 64
    assert "need --once" in err
