"""The metrics page: always there, whatever its sources do."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable

import pytest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from taskmanager.application.commands import Partition
from taskmanager.infrastructure.metrics.exposition import Exposition
from taskmanager.infrastructure.metrics.sources import LagSource, TasksSource


class FakeSource:
    """A source whose answer a test decides."""

    def __init__(self, name: str, value: float = 1.0) -> None:
        self.name = name
        self.value = value
        self.reads = 0
        self.failure: BaseException | None = None
        self.hangs = False

    async def read(self) -> Iterable[Metric]:
        self.reads += 1
        if self.hangs:
            await asyncio.Event().wait()
        if self.failure is not None:
            raise self.failure
        return [GaugeMetricFamily(f"figure_{self.name}", "A figure.", self.value)]


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def exposition(*sources: FakeSource, clock: Callable[[], float] | None = None) -> Exposition:
    return Exposition(sources, cache_seconds=5, timeout_seconds=0.05, clock=clock or Clock())


async def figures(page: Awaitable[bytes]) -> dict[str, float]:
    text = (await page).decode()
    return {
        s.name + "".join(sorted(s.labels.values())): s.value
        for f in text_string_to_metric_families(text)
        for s in f.samples
    }


async def test_all_sources_are_on_the_page() -> None:
    assert await figures(exposition(FakeSource("a", 2), FakeSource("b", 3)).page()) == {
        "taskmanager_metrics_source_upa": 1,
        "taskmanager_metrics_source_upb": 1,
        "figure_a": 2,
        "figure_b": 3,
    }


@pytest.mark.parametrize("trouble", ["raises", "hangs"])
async def test_a_source_in_trouble_is_left_out_and_marked_down(trouble: str) -> None:
    bad, good = FakeSource("bad"), FakeSource("good")
    bad.hangs, bad.failure = trouble == "hangs", OSError("no route")
    assert await figures(exposition(bad, good).page()) == {
        "taskmanager_metrics_source_upbad": 0,
        "taskmanager_metrics_source_upgood": 1,
        "figure_good": 1,
    }


async def test_a_source_comes_back_by_itself() -> None:
    clock, source = Clock(), FakeSource("a")
    page = exposition(source, clock=clock)
    source.failure = OSError("no route")
    assert (await figures(page.page()))["taskmanager_metrics_source_upa"] == 0
    source.failure = None
    clock.now += 5
    assert (await figures(page.page()))["taskmanager_metrics_source_upa"] == 1


async def test_the_page_is_made_anew_only_when_the_cache_is_old() -> None:
    clock, source = Clock(), FakeSource("a")
    page = exposition(source, clock=clock)
    await asyncio.gather(page.page(), page.page(), page.page())
    clock.now = 4.9
    await page.page()
    assert source.reads == 1
    clock.now = 5.0
    await page.page()
    assert source.reads == 2


async def test_lag_is_what_kafka_holds_and_the_database_has_not() -> None:
    async def watermarks() -> dict[Partition, tuple[int, int]]:
        return {
            Partition("requests", 0): (0, 100),  # partly read
            Partition("requests", 1): (40, 90),  # never read; the first 40 are gone
            Partition("requests", 2): (50, 60),  # stored offset fell behind what Kafka still has
            Partition("requests", 3): (0, 10),  # read to the end, high mark seen a moment earlier
        }

    async def next_offsets() -> dict[Partition, int]:
        return {Partition("requests", 0): 70, Partition("requests", 2): 5, Partition("requests", 3): 12}

    (lag,) = await LagSource(watermarks, next_offsets).read()
    assert [(s.labels["partition"], s.value) for s in lag.samples] == [("0", 30), ("1", 50), ("2", 10), ("3", 0)]


async def test_tasks_are_shown_by_status() -> None:
    async def counts() -> dict[str, int]:
        return {"new": 3, "error": 0}

    (tasks,) = await TasksSource(counts).read()
    assert tasks.name == "web_crawl_tasks_total"
    assert [(s.name, s.labels["status"], s.value) for s in tasks.samples] == [
        ("web_crawl_tasks_total", "new", 3),
        ("web_crawl_tasks_total", "error", 0),
    ]
