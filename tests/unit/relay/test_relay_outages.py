"""While Kafka or the store is away, a relay asks again, tells why, and stands in nobody's way."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from structlog.testing import capture_logs

from taskmanager.application.outbound import PublishFailed
from taskmanager.application.ports import StoreUnavailable
from taskmanager.application.use_cases import lead_relay
from taskmanager.infrastructure.resilience.refusals import StoreCircuitOpen
from tests.fakes.relay_stage import Stage

Until = Callable[[Callable[[], object]], Any]


async def test_who_does_not_reach_kafka_leaves_the_lead_to_those_who_do(stage: Stage, until: Until) -> None:
    first = stage.candidate()
    first.publisher.away = PublishFailed("no route")
    await until(lambda: first.metrics.steps_down)
    second = stage.candidate("second")
    await until(lambda: second.leads)

    assert first.offices == []
    assert first.relay.problem == "no route"
    assert stage.office.epoch == 1


async def test_pauses_grow_while_nothing_can_be_published_and_leave_the_lead_to_others(
    stage: Stage, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []

    async def note(event: asyncio.Event, seconds: float) -> bool:
        pauses.append(seconds)
        await asyncio.sleep(0)
        return event.is_set()

    monkeypatch.setattr(lead_relay, "is_set_within", note)
    leader = stage.candidate()
    leader.publisher.failures = [PublishFailed("not authorised") for _ in range(8)]
    await until(lambda: len(stage.office.journal) > 2 and leader.leads and stage.office.position > 2)

    assert len(pauses) == 8
    assert min(pauses) > lead_relay._STANDBY_SECONDS
    assert min(pauses[5:]) >= lead_relay._LONGEST_PAUSE_SECONDS / 2
    leader.failures.append(StoreUnavailable("away"))
    await until(lambda: len(pauses) == 9)
    assert pauses[8] <= 2 * lead_relay._PAUSE_SECONDS  # what was published has made it begin anew


async def test_a_store_that_is_away_is_asked_again(stage: Stage, until: Until) -> None:
    leader = stage.candidate()
    leader.leadership.failure = StoreUnavailable("away")
    await until(lambda: len(leader.metrics.steps_down) >= 2)
    leader.leadership.failure = None
    await until(lambda: leader.leads)

    assert leader.beats >= 3


async def test_it_knows_why_it_does_not_lead(stage: Stage, until: Until) -> None:
    leader = stage.candidate()
    await until(lambda: leader.leads)
    assert leader.relay.problem is None
    leader.leadership.failure = StoreUnavailable("the server shuts down")
    await until(lambda: leader.metrics.steps_down)
    assert leader.relay.problem == "the server shuts down"
    leader.leadership.failure = None
    await until(lambda: leader.leads)
    assert leader.relay.problem is None


async def test_a_breaker_that_refuses_is_asked_again_when_it_says_and_is_no_news(stage: Stage, until: Until) -> None:
    leader = stage.candidate()
    with capture_logs() as logs:
        leader.leadership.failure = StoreCircuitOpen("taken to be away", retry_after=0.0)
        await until(lambda: len(leader.metrics.steps_down) >= 20)  # pauses of its own would take half a minute
        leader.leadership.failure = None
        await until(lambda: leader.leads)

    assert set(leader.metrics.steps_down) == {"store"}
    assert [line["event"] for line in logs] == ["relay_leads"]


async def test_who_cannot_reach_kafka_gives_way_to_who_can(
    stage: Stage, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lead_relay, "_OPEN_SECONDS", 0.05)
    monkeypatch.setattr(lead_relay, "_STANDBY_SECONDS", 0.02)
    cut_off = stage.candidate()
    cut_off.publisher.gate.clear()
    await until(lambda: stage.office.journal[:1] == ["acquired"])
    second = stage.candidate("second")
    await until(lambda: second.leads and stage.broker.messages)

    assert set(cut_off.metrics.steps_down) == {"unreachable"}
    assert {message.key for message in stage.broker.messages} == {"second"}


async def test_the_pauses_grow_until_something_is_published(stage: Stage, until: Until) -> None:
    leader = stage.candidate()
    leader.failures = []
    leader.publisher.failures = [PublishFailed("no right to write") for _ in range(3)]
    await until(lambda: len(leader.metrics.steps_down) == 3)
    assert leader.relay._failures == 3
    await until(lambda: stage.office.position > 2)
    leader.failures = [PublishFailed("once more")]
    await until(lambda: len(leader.metrics.steps_down) == 4)
    assert leader.relay._failures == 1
