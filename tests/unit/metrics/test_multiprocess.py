"""Metric files: merged file by file, continued by the next process, robust against corruption."""

import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client.metrics_core import Metric

from taskmanager.infrastructure.metrics import multiprocess

# prometheus_client keeps its choice of storage in module state, so every writer is a process of its own.
WRITER = """
import sys
from pathlib import Path
from taskmanager.infrastructure.metrics.multiprocess import enable
enable(sys.argv[1], Path(sys.argv[2]))
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
registry = CollectorRegistry()
Counter("done", "Done.", ["kind"], registry=registry).labels("good").inc(float(sys.argv[3]))
Histogram("took_seconds", "Took.", buckets=(1, 2), registry=registry).observe(float(sys.argv[3]))
Gauge("open", "Open.", multiprocess_mode="liveall", registry=registry).set(float(sys.argv[3]))
"""


def write(slot: str, directory: Path, value: float) -> None:
    subprocess.run([sys.executable, "-c", WRITER, slot, str(directory), str(value)], check=True, timeout=60)


def samples(metrics: "list[Metric] | tuple[Metric, ...]") -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {(s.name, tuple(sorted(s.labels.items()))): s.value for metric in metrics for s in metric.samples}


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    write("consumer-00", tmp_path, 1)
    write("consumer-01", tmp_path, 2)
    return tmp_path


def test_counts_of_all_processes_are_added_up(filled: Path) -> None:
    merged = multiprocess.merge(filled)
    values = samples(list(merged.metrics))
    assert merged.unreadable == []
    assert values["done_total", (("kind", "good"),)] == 3
    assert values["took_seconds_sum", ()] == 3
    assert values["took_seconds_bucket", (("le", "1.0"),)] == 1
    assert values["took_seconds_bucket", (("le", "2.0"),)] == 2
    assert values["took_seconds_count", ()] == 2


def test_gauges_are_kept_apart_by_the_process_slot(filled: Path) -> None:
    values = samples(list(multiprocess.merge(filled).metrics))
    assert values["open", (("process", "consumer-00"),)] == 1
    assert values["open", (("process", "consumer-01"),)] == 2


def test_the_next_process_of_a_slot_goes_on_counting_in_the_same_files(filled: Path) -> None:
    before = sorted(path.name for path in filled.iterdir())
    write("consumer-00", filled, 10)
    assert sorted(path.name for path in filled.iterdir()) == before
    assert samples(list(multiprocess.merge(filled).metrics))["done_total", (("kind", "good"),)] == 13


def negative_length(data: bytes) -> bytes:
    return data[:8] + struct.pack("i", -1000) + data[12:]


def too_much_used(data: bytes) -> bytes:
    return struct.pack("i", len(data) * 2) + data[4:]


CORRUPTIONS = {
    "noise": lambda data: os.urandom(len(data)),
    "cut short": lambda data: data[:40],
    "two bytes": lambda data: data[:2],
    "negative length": negative_length,
    "claims more than it holds": too_much_used,
    "key is no JSON": lambda data: data[:12] + b"#" + data[13:],
    "key is other JSON": lambda data: data[:8] + struct.pack("i", 2) + b"{}  " + data[16:],
}


@pytest.mark.parametrize("corruption", CORRUPTIONS)
def test_a_corrupt_file_costs_its_own_counts_only(filled: Path, corruption: str) -> None:
    victim = filled / "counter_consumer-00.db"
    victim.write_bytes(CORRUPTIONS[corruption](victim.read_bytes()))
    merged = multiprocess.merge(filled)
    assert merged.unreadable == ["counter_consumer-00.db"]
    values = samples(list(merged.metrics))
    assert values["done_total", (("kind", "good"),)] == 2
    assert values["took_seconds_sum", ()] == 3


def test_a_process_sets_its_corrupt_file_aside_and_starts_anew(filled: Path) -> None:
    victim = filled / "counter_consumer-00.db"
    victim.write_bytes(too_much_used(victim.read_bytes()))
    write("consumer-00", filled, 5)
    merged = multiprocess.merge(filled)
    assert merged.unreadable == []
    assert samples(list(merged.metrics))["done_total", (("kind", "good"),)] == 7
    assert (filled / "counter_consumer-00.corrupt").exists()


def test_a_file_that_is_just_being_made_is_passed_over(filled: Path) -> None:
    (filled / "counter_consumer-02.db").touch()
    (filled / "histogram_consumer-02.db").write_bytes(bytes(65536))
    assert multiprocess.merge(filled).unreadable == []


def test_an_empty_directory_has_no_metrics(tmp_path: Path) -> None:
    assert multiprocess.merge(tmp_path) == multiprocess.MergedFiles([], [])


@pytest.mark.parametrize("slot", ["", "consumer_0", "../x"])
def test_a_slot_that_cannot_name_a_file_is_refused(slot: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cannot name metric files"):
        multiprocess.enable(slot, tmp_path)
