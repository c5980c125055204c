"""Percentiles and classes of latencies."""

import pytest

from loadtests.bench.histogram import Histogram


@pytest.mark.parametrize(
    ("percent", "millis"), [(0, 1), (1, 1), (50, 50), (50.5, 51), (99, 99), (99.9, 100), (100, 100)]
)
def test_a_percentile_is_the_latency_within_which_that_share_came(percent: float, millis: float) -> None:
    histogram = Histogram([number / 1000 for number in range(100, 0, -1)])

    assert histogram.percentile(percent) == pytest.approx(millis)


def test_one_latency_is_every_percentile() -> None:
    assert [Histogram([0.007]).percentile(percent) for percent in (0, 50, 100)] == [7, 7, 7]


def test_every_latency_is_in_one_class() -> None:
    document = Histogram([0.0005, 0.001, 0.0011, 0.06, 9.0]).document()

    held = {entry["upToMs"]: entry["count"] for entry in document["classes"] if entry["count"]}
    assert held == {1: 2, 2: 1, 70: 1, None: 1}
    assert (document["count"], document["maxMs"]) == (5, 9000)
    assert document["percentilesMs"]["50"] == 1.1


def test_the_picture_shows_the_classes_from_the_first_to_the_last_that_holds_something() -> None:
    lines = Histogram([0.004] * 100 + [0.012]).picture().splitlines()

    assert [line.split()[1] for line in lines] == ["5", "7", "10", "15"]
    assert [line.count("█") for line in lines] == [50, 0, 0, 1]
