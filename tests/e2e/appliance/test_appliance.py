"""bin/entrypoint on a real database and real topics: up, under load, hurt, and down again."""

import json
import re
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.scratch import ScratchDatabase

from .conftest import ROOT, Appliance


@pytest.fixture
def appliance(
    empty_database: ScratchDatabase, topics: dict[str, str], plain_environment: dict[str, str], run_directory: Path
) -> Iterator[Appliance]:
    environment = empty_database.environment | topics | plain_environment
    # What this test is about beside the load: the entrypoint makes the tables itself.
    appliance = Appliance([ROOT / "bin" / "entrypoint"], environment | {"METRICS_CACHE_MS": "0"}, run_directory)
    yield appliance
    appliance.clear()


def status(appliance: Appliance, path: str) -> int | None:
    """The status of an answer, None where nobody listens."""
    url = f"http://127.0.0.1:{appliance.environment['APP_PORT']}{path}"
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return None


def until_ready(appliance: Appliance) -> None:
    """The test's own time limit ends a wait in vain."""
    while status(appliance, "/api/health/ready") != 200:
        assert appliance.process.poll() is None, appliance.log.read_text()


def figures(appliance: Appliance) -> dict[str, float]:
    """The metrics page: name and label values (in the order of the labels' names) → value."""
    url = f"http://127.0.0.1:{appliance.environment['METRICS_PORT']}/metrics"
    with urllib.request.urlopen(url, timeout=10) as response:
        text = response.read().decode()
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {
        " ".join([sample.name, *(sample.labels[name] for name in sorted(sample.labels))]): sample.value
        for sample in samples
    }


def load(appliance: Appliance) -> dict[str, Any]:
    """Plays traffic for a few seconds; what bin/loadtest found."""
    answer = subprocess.run(
        [ROOT / "bin" / "loadtest", "--seconds", "4", "--users", "8", "--json"],
        env=appliance.environment, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert answer.returncode == 0, answer.stdout + answer.stderr
    summary: dict[str, Any] = json.loads(answer.stdout.splitlines()[-1])
    return summary


def test_the_whole_appliance_serves_survives_a_kill_and_leaves_nothing_behind(
    appliance: Appliance, empty_database: ScratchDatabase
) -> None:
    until_ready(appliance)
    assert set(appliance.programs()) == {"api 0", "consumer 0", "consumer 1", "metrics", "guard"}

    summary = load(appliance)
    assert summary["failures"] == 0
    produced: dict[str, float] = summary["byKind"][f"PRODUCE {appliance.environment['WEB_CRAWL_REQUEST_TOPIC']}"]
    sent = produced["requests"]
    created = f"kafka_consumer_messages_processed_total created {appliance.environment['WEB_CRAWL_REQUEST_TOPIC']}"
    while figures(appliance).get(created) != sent:
        assert appliance.process.poll() is None
    assert empty_database.value("select count(*) from web_crawl_tasks") == sent

    # A program that is killed comes back in its slot and goes on counting there.
    victim = appliance.programs()["consumer 0"]
    victim.kill()
    while (successor := appliance.programs().get("consumer 0")) is None or successor.pid == victim.pid:
        assert appliance.process.poll() is None
    assert load(appliance)["failures"] == 0
    assert figures(appliance)[created] > sent

    assert appliance.stop() == 0
    assert appliance.leftovers() == []
    lines = [line for line in appliance.log.read_text().splitlines() if not line.startswith("schema is at")]
    assert all(json.loads(line)["timestamp"] for line in lines), "every line is JSON"


def test_the_owners_password_does_not_reach_the_programs(appliance: Appliance) -> None:
    until_ready(appliance)
    for name, process in appliance.programs().items():
        assert not re.findall("OWNER", " ".join(process.environ())), name
    assert appliance.stop() == 0


def test_an_interface_open_to_others_without_anybody_having_said_so_is_refused(
    plain_environment: dict[str, str],
) -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "taskmanager", "api"],
        env=plain_environment | {"APP_HOST": "0.0.0.0"}, capture_output=True, text=True, timeout=60, cwd=ROOT,
    )  # fmt: skip
    assert answer.returncode == 78
    assert "AUTH_MODE=none" in answer.stderr
