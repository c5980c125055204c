"""A process's figures since its start."""

import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from taskmanager.infrastructure.metrics import multiprocess
from taskmanager.infrastructure.metrics.figures import ProcessFigures, SystemEventMetrics

# prometheus_client keeps its choice of storage in module state, so every life of a slot is a process of its own.
LIFE = """
import json, sys
from functools import partial
from pathlib import Path
from prometheus_client import CollectorRegistry, Counter
from taskmanager.infrastructure.metrics import multiprocess
from taskmanager.infrastructure.metrics.figures import ProcessFigures
directory = Path(sys.argv[1])
multiprocess.enable("relay", directory)
figures = ProcessFigures(partial(multiprocess.counters_of, "relay", directory))
first = Counter("sent", "Sent.", ["topic"], registry=CollectorRegistry())
first.labels("a").inc(3)
multiprocess.enable("relay", directory)
Counter("lost", "Lost.", registry=CollectorRegistry()).inc(2)
first.labels("b").inc(4)
print(json.dumps(figures()))
"""


def test_counters_are_summed_by_name_and_what_was_before_is_not_counted() -> None:
    registry = CollectorRegistry()
    sent = Counter("sent", "Sent.", ["topic"], registry=registry)
    sent.labels("a").inc(5)
    figures = ProcessFigures(registry.collect)
    sent.labels("a").inc(2)
    sent.labels("b").inc(3)

    assert figures()["sent_total"] == 5


def test_other_instruments_are_passed_by() -> None:
    registry = CollectorRegistry()
    Gauge("open", "Open.", registry=registry).set(1)
    Histogram("took_seconds", "Took.", registry=registry).observe(1)
    Counter("python_things", "Of the interpreter.", registry=registry).inc()

    assert set(ProcessFigures(registry.collect)()) == {"cpuSeconds", "residentBytes"}


def test_cpu_and_memory_are_those_of_the_process() -> None:
    figures = ProcessFigures(tuple)()

    assert 0 < figures["cpuSeconds"] <= sum(psutil.Process().cpu_times()[:2])
    assert figures["residentBytes"] > 1_000_000


def test_each_life_of_a_slot_counts_from_its_own_start(tmp_path: Path) -> None:
    for _ in range(2):
        done = subprocess.run([sys.executable, "-c", LIFE, str(tmp_path)], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        assert ('"sent_total": 7.0' in done.stdout, '"lost_total": 2.0' in done.stdout) == (True, True), done.stdout
    totals = {sample.name: sample.value for metric in multiprocess.merge(tmp_path).metrics for sample in metric.samples}
    assert totals["lost_total"] == 4


@pytest.mark.parametrize("content", [None, b"", b"\xff" * 64])
def test_a_file_that_is_missing_or_broken_holds_no_counters(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "counter_relay.db").write_bytes(content)

    assert multiprocess.counters_of("relay", tmp_path) == []


def test_dropped_events_are_counted_by_reason() -> None:
    registry = CollectorRegistry()
    SystemEventMetrics(registry).dropped("queue_full", 3)

    assert registry.get_sample_value("system_events_dropped_total", {"reason": "queue_full"}) == 3
