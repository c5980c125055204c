"""Gauges of processes: shown while they live, and never those of a former one."""

import subprocess
import sys
from pathlib import Path

from taskmanager.infrastructure.metrics import multiprocess

PROCESS = """
import os, sys
from pathlib import Path
from taskmanager.infrastructure.metrics.multiprocess import GAUGES_OF_EACH_PROCESS, enable
enable(sys.argv[1], Path(sys.argv[2]))
from prometheus_client import CollectorRegistry, Gauge
registry = CollectorRegistry()
gauge = Gauge("open", "Open.", ["door"], registry=registry, multiprocess_mode=GAUGES_OF_EACH_PROCESS)
gauge.labels(sys.argv[3]).set(1)
if sys.argv[4] == "killed":
    os.kill(os.getpid(), 9)
"""


def run(slot: str, directory: Path, door: str, end: str) -> None:
    arguments = [sys.executable, "-c", PROCESS, slot, str(directory), door, end]
    assert subprocess.run(arguments, check=False, timeout=60).returncode == {"killed": -9, "ended": 0}[end]


def shown(directory: Path) -> set[tuple[str, str]]:
    return {
        (sample.labels["process"], sample.labels["door"])
        for metric in multiprocess.merge(directory).metrics
        for sample in metric.samples
    }


def test_they_are_kept_apart_by_slot(tmp_path: Path) -> None:
    run("relay", tmp_path, "a", "killed")
    run("consumer-00", tmp_path, "b", "killed")
    assert shown(tmp_path) == {("relay", "a"), ("consumer-00", "b")}


def test_they_go_with_their_process(tmp_path: Path) -> None:
    run("relay", tmp_path, "a", "ended")
    assert shown(tmp_path) == set()


def test_the_next_process_of_a_slot_inherits_none(tmp_path: Path) -> None:
    run("relay", tmp_path, "a", "killed")
    run("relay", tmp_path, "b", "killed")
    assert shown(tmp_path) == {("relay", "b")}
