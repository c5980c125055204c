"""Health checks: bounded in time, shared, cached, and never an exception."""

import asyncio
from collections.abc import Mapping

import pytest

from taskmanager.application.use_cases.health import HealthChecks


class Dependency:
    """Something whose health a test decides."""

    def __init__(self) -> None:
        self.asked = 0
        self.failure: Exception | None = None
        self.hangs = False

    async def __call__(self) -> Mapping[str, object]:
        self.asked += 1
        await asyncio.sleep(0)
        if self.hangs:
            await asyncio.Event().wait()
        if self.failure is not None:
            raise self.failure
        return {"version": "18"}


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def dependency() -> Dependency:
    return Dependency()


@pytest.fixture
def checks(dependency: Dependency, clock: Clock) -> HealthChecks:
    return HealthChecks({"database": dependency}, timeout_seconds=0.05, cache_seconds=1, clock=clock)


async def test_a_dependency_that_answers_is_healthy(checks: HealthChecks) -> None:
    result = await checks.run("database")
    assert (result.name, result.healthy, result.detail) == ("database", True, {"version": "18"})


async def test_what_a_check_raises_is_its_finding(checks: HealthChecks, dependency: Dependency) -> None:
    dependency.failure = OSError("connection refused")
    result = await checks.run("database")
    assert (result.healthy, result.detail) == (False, {"error": "connection refused"})


async def test_an_error_without_a_text_is_told_by_its_type(checks: HealthChecks, dependency: Dependency) -> None:
    dependency.failure = ConnectionResetError()
    assert (await checks.run("database")).detail == {"error": "ConnectionResetError"}


async def test_a_check_that_hangs_is_given_up(checks: HealthChecks, dependency: Dependency) -> None:
    dependency.hangs = True
    result = await checks.run("database")
    assert (result.healthy, result.detail) == (False, {"error": "no answer within 0.05 s"})


async def test_an_answer_is_given_again_until_it_is_old(
    checks: HealthChecks, dependency: Dependency, clock: Clock
) -> None:
    dependency.failure = OSError("away")
    assert not (await checks.run("database")).healthy
    dependency.failure = None
    clock.now += 0.9
    assert not (await checks.run("database")).healthy
    clock.now += 0.1
    assert (await checks.run("database")).healthy
    assert dependency.asked == 2


async def test_callers_of_the_same_moment_share_one_run(checks: HealthChecks, dependency: Dependency) -> None:
    await asyncio.gather(*(checks.run("database") for _ in range(20)))
    assert dependency.asked == 1


async def test_all_checks_run_side_by_side(clock: Clock) -> None:
    meeting = asyncio.Barrier(2)

    async def waits_for_the_other() -> Mapping[str, object]:
        await meeting.wait()
        return {}

    checks = HealthChecks(
        {"database": waits_for_the_other, "kafka": waits_for_the_other}, timeout_seconds=5, cache_seconds=0, clock=clock
    )
    assert [(r.name, r.healthy) for r in await checks.run_all()] == [("database", True), ("kafka", True)]


async def test_an_unknown_check_is_a_mistake_of_the_caller(checks: HealthChecks) -> None:
    with pytest.raises(KeyError):
        await checks.run("coffee")
