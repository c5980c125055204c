"""`taskmanager verify` as operators and tests run it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from uuid import uuid4

import pytest

from taskmanager.devstack import StackInfo
from taskmanager.devstack.topics import create_topics, delete_topics
from taskmanager.infrastructure.kafka.topics import TopicCatalogue
from tests.scratch import ScratchDatabase

_INHERITED = ("PATH", "HOME", "LANG", "PYTHONPATH", "COVERAGE_PROCESS_START")


def run(environment: Mapping[str, str], *arguments: str) -> tuple[int, str, str]:
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-m", "taskmanager", "verify", *arguments],
        env=inherited | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.fixture(scope="module")
def topics(stack: StackInfo) -> Iterator[dict[str, str]]:
    """Two empty topics of the tests' own, as the environment names them."""
    names = {"WEB_CRAWL_REQUEST_TOPIC": f"requests-{uuid4().hex[:8]}", "TASK_STATUS_TOPIC": f"status-{uuid4().hex[:8]}"}
    create_topics(stack.kafka_brokers, dict.fromkeys(names.values(), 2))
    yield names
    delete_topics(stack.kafka_brokers, list(names.values()))


def test_a_clean_database_ends_with_0(filled: ScratchDatabase) -> None:
    code, out, err = run(filled.environment, "--no-kafka")
    assert (code, err) == (0, "")
    assert out.startswith("clean: ")
    assert "9 tasks (9 rebuilt)" in out


def test_findings_are_lines_and_end_with_1(filled: ScratchDatabase) -> None:
    filled.run("delete from dead_letters where source_topic = 'requests-web-crawl'", role="superuser")
    code, out, _ = run(filled.environment, "--no-kafka")
    assert code == 1
    lines = out.splitlines()
    assert lines[0] == "dead_letter_rows: requests-web-crawl/1: expected 1, found 0"
    assert lines[-1].startswith("1 findings: ")


def test_findings_as_json(filled: ScratchDatabase) -> None:
    filled.run("delete from task_counters", role="superuser")
    code, out, _ = run(filled.environment, "--no-kafka", "--json", "--rebuild-sample", "3")
    assert code == 1
    document = json.loads(out)
    assert (document["clean"], document["rebuilt"], document["lag"]) == (False, 3, None)
    (finding,) = document["findings"]
    assert finding["kind"] == "counters"
    assert finding["total"] == len(finding["examples"])
    assert {"where", "expected", "found"} == set(finding["examples"][0])


def test_what_was_read_is_compared_with_the_topics(database: ScratchDatabase, topics: dict[str, str]) -> None:
    environment = database.environment | topics
    request_topic, status_topic = topics.values()
    described = TopicCatalogue({"bootstrap.servers": database.info.kafka_brokers}).describe([request_topic])
    rows = "insert into consumer_offsets (topic, partition, topic_id, first_offset, next_offset, dead, skipped)"
    database.run(f"{rows} values (%s, 0, %s, 0, 0, 0, 0)", (request_topic, described[request_topic].topic_id))
    code, out, _ = run(environment, "--json")
    assert (code, json.loads(out)["lag"]) == (0, 0)
    database.run(f"{rows} values (%s, 1, %s, 0, 3, 0, 3)", (request_topic, described[request_topic].topic_id))
    database.run(f"{rows} values (%s, 0, 'another', 0, 0, 0, 0)", (status_topic,))
    code, out, _ = run(environment)
    assert code == 1
    assert f"beyond_topic_end: {request_topic}/1: expected at most 0, found next_offset 3" in out
    assert f"topic_id: {status_topic}/0: expected another, found " in out


def test_brokers_that_do_not_answer_leave_the_proof_incomplete(filled: ScratchDatabase, topics: dict[str, str]) -> None:
    environment = filled.environment | topics | {"KAFKA_BROKERS": "127.0.0.1:1"}
    code, out, err = run(environment)
    assert code == 75
    assert out.startswith("clean: ")
    assert "--no-kafka" in err


def test_a_database_that_does_not_answer_is_worth_another_try(filled: ScratchDatabase) -> None:
    code, out, err = run(filled.environment | {"POSTGRES_PORT": "1"}, "--wait", "0.1")
    assert (code, out) == (75, "")
    assert err.startswith("error: ")


def test_a_database_without_tables_says_what_to_do(empty_database: ScratchDatabase) -> None:
    code, _, err = run(empty_database.environment, "--no-kafka")
    assert code == 70
    assert "taskmanager migrate" in err
