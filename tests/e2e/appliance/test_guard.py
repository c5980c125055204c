"""The guard below a real supervisord, with a consumer that cannot be kept alive."""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from taskmanager.programs.guard.application import VERDICT_FILE

from .conftest import ROOT, Appliance

# Stands for the interpreter: the guard is the real one, the consumer does what the test says, the others idle.
INTERPRETER = """#!/bin/sh
case "$3" in
  guard) exec {python} "$@" ;;
  consumer) {consumer} ;;
  *) exec sleep 600 ;;
esac
"""


@pytest.fixture
def start(plain_environment: dict[str, str], run_directory: Path) -> Iterator[Callable[..., Appliance]]:
    appliances = []

    def start(consumer: str, **guard: str) -> Appliance:
        interpreter = run_directory / "interpreter"
        interpreter.write_text(INTERPRETER.format(python=sys.executable, consumer=consumer))
        interpreter.chmod(0o700)
        environment = plain_environment | guard | {
            "TASKMANAGER_PYTHON": str(interpreter),
            "CONSUMER_PROCESSES": "1",
        }  # fmt: skip
        command = [sys.executable, "-m", "supervisor.supervisord", "-c", ROOT / "supervisord.conf"]
        appliance = Appliance(command, environment, run_directory)
        appliances.append(appliance)
        return appliance

    yield start
    for appliance in appliances:
        appliance.clear()


@pytest.mark.parametrize(
    ("consumer", "described"),
    [
        ("exit 1", "a program that ends at once"),
        ("sleep 1.2; exit 0", "one that ends too soon, but later than supervisord's startsecs"),
    ],
)
def test_a_program_that_keeps_dying_young_ends_everything(
    start: Callable[..., Appliance], consumer: str, described: str
) -> None:
    appliance = start(consumer, GUARD_MAX_EXITS="3")
    appliance.process.wait(60)
    verdict = json.loads((appliance.run_directory / VERDICT_FILE).read_bytes())
    assert verdict["process"] == "consumer-00", described
    assert verdict["reason"].startswith("it ended 3 times"), described
    assert appliance.leftovers() == []


def test_a_program_that_supervisord_gives_up_ends_everything(start: Callable[..., Appliance]) -> None:
    appliance = start("exit 1", GUARD_MAX_EXITS="1000")
    appliance.process.wait(90)
    verdict = json.loads((appliance.run_directory / VERDICT_FILE).read_bytes())
    assert verdict == {"process": "consumer-00", "reason": "supervisord gave up starting it (FATAL)"}


def test_a_stop_that_was_asked_for_leaves_no_verdict(start: Callable[..., Appliance]) -> None:
    appliance = start("exec sleep 600")
    while "guard" not in appliance.programs() or b"consumer-00 is RUNNING" not in appliance.log.read_bytes():
        assert appliance.process.poll() is None, appliance.log.read_text()
    assert appliance.stop() == 0
    assert not (appliance.run_directory / VERDICT_FILE).exists()
