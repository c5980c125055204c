"""bin/entrypoint on a real database and real topics: up, under load, hurt, and down again."""

import json
import re
import subprocess
import sys
from collections.abc import Callable

import pytest

from tests.scratch import ScratchDatabase

from .conftest import ROOT, Appliance
from .outside import figures, load, until_ready


@pytest.fixture
def appliance(start_appliance: Callable[..., Appliance]) -> Appliance:
    return start_appliance()


def test_the_whole_appliance_serves_survives_a_kill_and_leaves_nothing_behind(
    appliance: Appliance, empty_database: ScratchDatabase
) -> None:
    until_ready(appliance)
    assert set(appliance.programs()) == {
        "api 0",
        "consumer 0",
        "consumer 1",
        "relay",
        "housekeeper",
        "metrics",
        "guard",
    }

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
