"""Histograms that take a whole batch of values at the price of a few."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence

from prometheus_client import Histogram

# From a glance to a working day: how long crawls take from start to end.
TASK_SECONDS = (0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 14400, 28800)
BATCH_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
BATCH_MESSAGES = (1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2000, 5000, 10000)
HTTP_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


def observe_all(histogram: Histogram, bounds: Sequence[float], observed: Sequence[float]) -> None:
    """Adds every value of `observed`; `bounds` are the upper bounds that the histogram was made with."""
    if not observed:
        return
    for index, count in Counter(bisect_left(bounds, value) for value in observed).items():
        histogram._buckets[index].inc(count)  # noqa: SLF001 - observe() locks and searches once per value
    histogram._sum.inc(sum(observed))  # noqa: SLF001
