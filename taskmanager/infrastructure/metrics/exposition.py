"""One page of metrics from several sources, none of which can take the others down."""

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol

import structlog
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_log = structlog.get_logger(__name__)


class Source(Protocol):
    """Where figures come from; `name` labels its `taskmanager_metrics_source_up`."""

    @property
    def name(self) -> str:
        """A fixed word."""

    async def read(self) -> Iterable[Metric]:
        """The figures of now; may raise anything, or take too long."""


class Exposition:
    """The page in Prometheus' text format, made anew at most once per `cache_seconds`.

    Figures of a source that fails or exceeds `timeout_seconds` are left out and its `up` is 0; the page itself always
    comes.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        *,
        cache_seconds: float,
        timeout_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sources = sources
        self._cache_seconds = cache_seconds
        self._timeout = timeout_seconds
        self._clock = clock
        self._lock = asyncio.Lock()
        self._page = b""
        self._made_at: float | None = None
        self._down: set[str] = set()

    async def page(self) -> bytes:
        """The page, UTF-8 (`CONTENT_TYPE`)."""
        async with self._lock:
            if self._made_at is None or self._clock() - self._made_at >= self._cache_seconds:
                self._page = await self._render()
                self._made_at = self._clock()
            return self._page

    async def _render(self) -> bytes:
        answers = await asyncio.gather(*(self._read(source) for source in self._sources))
        up = GaugeMetricFamily(
            "taskmanager_metrics_source_up", "1 where the figures of a source are in this page.", labels=["source"]
        )
        families: list[Metric] = [up]
        for source, metrics in zip(self._sources, answers, strict=True):
            up.add_metric([source.name], 0.0 if metrics is None else 1.0)
            families += metrics or ()
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Fixed(families))
        return generate_latest(registry)

    async def _read(self, source: Source) -> list[Metric] | None:
        try:
            async with asyncio.timeout(self._timeout):
                metrics = list(await source.read())
        except Exception as error:  # noqa: BLE001 - whatever ails one source must not cost the page
            if source.name not in self._down:
                self._down.add(source.name)
                _log.warning("metrics source is down", source=source.name, error=f"{type(error).__name__}: {error}")
            return None
        if source.name in self._down:
            self._down.discard(source.name)
            _log.info("metrics source is back", source=source.name)
        return metrics


class _Fixed(Collector):
    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[Metric]:
        yield from self._metrics
