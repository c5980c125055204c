"""What a process tells of itself, and that telling never harms it."""

import asyncio
from collections import Counter, deque
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple

import pytest

from taskmanager.application.use_cases.report_system import ReportSystem
from taskmanager.domain.events import ErrorOccurred, HealthCheck, MetricsUpdate, SystemEvent

NOW = datetime(2026, 3, 1, tzinfo=UTC)


class Outlet:
    def __init__(self) -> None:
        self.sent: list[SystemEvent] = []
        self.drops: Counter[str] = Counter()
        self.polls = 0
        self.heard = asyncio.Event()
        self.is_broken = False

    def send(self, event: SystemEvent) -> None:
        if self.is_broken:
            raise RuntimeError("broken")
        self.sent.append(event)
        self.heard.set()

    def dropped(self, reason: str, count: int) -> None:
        self.drops[reason] += count
        self.heard.set()

    def poll(self) -> None:
        self.polls += 1

    def kinds(self) -> list[str]:
        return [type(event).__name__ for event in self.sent]


class Line(NamedTuple):
    logged_at: datetime
    event: str
    detail: str


class Errors:
    def __init__(self) -> None:
        self.lines: deque[Line] = deque()
        self.missed = 0

    def take(self, most: int) -> tuple[list[Line], int]:
        missed, self.missed = self.missed, 0
        return [self.lines.popleft() for _ in range(min(most, len(self.lines)))], missed


class Health:
    def __init__(self) -> None:
        self.findings: Mapping[str, str] = {"process": "ok"}
        self.failure: BaseException | None = None
        self.hangs = False

    async def __call__(self) -> Mapping[str, str]:
        if self.hangs:
            await asyncio.Event().wait()
        if self.failure is not None:
            raise self.failure
        return self.findings


class World:
    """A reporter every 30 s, and everything around it."""

    def __init__(self, interval: float = 30.0) -> None:
        self.time = 1000.0
        self.outlet, self.errors, self.health = Outlet(), Errors(), Health()
        self.report = ReportSystem(
            "relay",
            self.outlet,
            self.errors,
            lambda: {"cpuSeconds": 1.0},
            self.health,
            interval=interval,
            mask=lambda text: text.replace("secret", "***"),
            patience=0.01,
            clock=lambda: self.time,
            now=lambda: NOW,
        )


@pytest.fixture
def world() -> World:
    return World()


async def test_health_is_told_at_once_then_every_interval_and_figures_every_second_time(world: World) -> None:
    for _ in range(121):
        await world.report.tick()
        world.time += 1

    assert world.outlet.kinds() == [
        *["HealthCheck", "HealthCheck", "MetricsUpdate"],
        *["HealthCheck", "HealthCheck", "MetricsUpdate", "HealthCheck"],
    ]
    assert world.outlet.polls == 121


async def test_a_process_is_healthy_if_everything_is(world: World) -> None:
    await world.report.tick()
    world.time += 30
    world.health.findings = {"database": "ok", "kafka": "no answer to secret"}
    await world.report.tick()

    assert world.outlet.sent[:2] == [
        HealthCheck(process="relay", occurred_at=NOW, healthy=True, checks={"process": "ok"}),
        HealthCheck(
            process="relay", occurred_at=NOW, healthy=False, checks={"database": "ok", "kafka": "no answer to ***"}
        ),
    ]
    assert world.outlet.sent[2] == MetricsUpdate(process="relay", occurred_at=NOW, figures={"cpuSeconds": 1.0})


@pytest.mark.parametrize(
    ("failure", "finding"),
    [
        (RuntimeError("with a secret"), "cannot tell its health: RuntimeError('with a ***')"),
        (asyncio.CancelledError(), "cannot tell its health: cancelled"),
        (None, "does not tell its health within 0.01 s"),
    ],
)
async def test_a_process_that_cannot_tell_its_health_is_not_healthy(
    world: World, failure: BaseException | None, finding: str
) -> None:
    world.health.failure, world.health.hangs = failure, failure is None
    await world.report.tick()

    (event,) = world.outlet.sent
    assert isinstance(event, HealthCheck)
    assert (event.healthy, event.checks) == (False, {"process": finding})


async def test_errors_are_told_as_they_were_logged_ten_at_a_time(world: World) -> None:
    world.errors.lines.extend(Line(NOW, f"failed-{number}", "{}") for number in range(12))
    world.errors.missed = 4
    await world.report.tick()
    told = [event for event in world.outlet.sent if isinstance(event, ErrorOccurred)]

    assert [event.error for event in told] == [f"failed-{number}" for number in range(10)]
    assert (told[0].process, told[0].occurred_at, told[0].detail) == ("relay", NOW, "{}")
    assert world.outlet.drops == {"rate_limited": 4}


async def test_errors_are_told_before_the_health_that_may_take_its_time(world: World) -> None:
    world.errors.lines.append(Line(NOW, "failed", "{}"))
    await world.report.tick()

    assert world.outlet.kinds() == ["ErrorOccurred", "HealthCheck"]


async def test_a_report_that_fails_costs_nothing_but_itself() -> None:
    world = World(interval=0.001)
    world.outlet.is_broken = True
    running = asyncio.create_task(world.report.run())
    async with asyncio.timeout(10):
        await world.outlet.heard.wait()
        world.time += 1
        world.outlet.is_broken = False
        world.outlet.heard.clear()
        await world.outlet.heard.wait()
    running.cancel()
    await asyncio.wait({running})

    assert (world.outlet.drops, world.outlet.kinds()) == ({"failed": 1}, ["HealthCheck", "MetricsUpdate"])
    assert running.cancelled()
