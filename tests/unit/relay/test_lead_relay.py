"""One relay leads, and steps down at any doubt."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from taskmanager.application.leadership import LeadershipLost
from taskmanager.application.outbound import PublisherFenced, PublishFailed
from taskmanager.application.ports import StoreUnavailable
from tests.fakes.relay_stage import Stage

Until = Callable[[Callable[[], object]], Any]


async def test_taking_over_goes_lock_then_publisher_then_work(stage: Stage, until: Until) -> None:
    leader = stage.candidate()
    await until(lambda: stage.office.position > 2)

    assert stage.office.journal == ["acquired", "opened"]
    assert stage.sequences()[:3] == [1, 2, 3]
    assert leader.leads


async def test_at_its_end_the_publisher_is_closed_before_the_lock_is_free(stage: Stage, until: Until) -> None:
    leader = stage.candidate()
    await until(lambda: stage.office.position > 2)
    leader.stopping.set()
    await asyncio.wait_for(leader.running, 5)

    assert stage.office.journal == ["acquired", "opened", "closed", "resigned"]
    assert stage.office.position == stage.sequences()[-1]
    assert leader.metrics.leaders == [True, False]
    assert leader.metrics.steps_down == []


async def test_another_one_stands_by_and_takes_over(stage: Stage, until: Until) -> None:
    leader = stage.candidate()
    await until(lambda: stage.office.position > 2)
    second = stage.candidate("second")
    await until(lambda: second.beats > 0)
    assert not second.leads
    leader.stopping.set()
    await until(lambda: second.leads)
    await until(lambda: stage.broker.messages[-1].key == "second")

    assert stage.sequences() == list(range(1, len(stage.sequences()) + 1))
    assert second.offices[0].term.epoch == 2


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (PublishFailed("aborted"), "failed"),
        (PublisherFenced("a younger one"), "fenced"),
        (StoreUnavailable("away"), "store"),
        (LeadershipLost("gone"), "leadership"),
    ],
)
async def test_any_failure_ends_the_term_and_begins_another(
    stage: Stage, until: Until, failure: Exception, reason: str
) -> None:
    leader = stage.candidate()
    await until(lambda: stage.office.position > 2)
    leader.failures.append(failure)
    await until(lambda: len(leader.offices) == 2)

    assert leader.metrics.steps_down == [reason]
    assert stage.office.journal[:6] == ["acquired", "opened", "closed", "resigned", "acquired", "opened"]
    # What was not stored is published again, and nothing is left out.
    assert leader.offices[1].term.position <= leader.offices[0].position
    first_occurrences = list(dict.fromkeys(stage.sequences()))
    assert first_occurrences == sorted(first_occurrences)


async def test_a_failure_that_is_ours_is_not_hidden(stage: Stage, until: Until) -> None:
    leader = stage.candidate()
    await until(lambda: stage.office.position > 2)
    leader.failures.append(KeyError("a mistake"))

    with pytest.raises(ExceptionGroup) as caught:
        await asyncio.wait_for(leader.running, 5)
    assert caught.group_contains(KeyError)
    assert stage.office.holder is None


async def test_a_leader_that_lost_its_lock_in_the_midst_of_a_chunk_gives_it_up(stage: Stage, until: Until) -> None:
    leader = stage.candidate()
    await until(lambda: stage.office.position > 2)
    leader.publisher.gate.clear()
    await until(lambda: leader.publisher.under_way)
    published = len(stage.broker.chunks)
    leader.leadership.lose()
    leader.leadership.failure = LeadershipLost("the session is gone")
    await until(lambda: leader.metrics.steps_down)

    assert leader.metrics.steps_down[0] == "leadership"
    assert len(stage.broker.chunks) == published
    assert stage.office.journal[2] == "closed"


async def test_of_two_that_believe_to_lead_only_the_younger_publishes(stage: Stage, until: Until) -> None:
    frozen = stage.candidate("frozen")
    await until(lambda: stage.office.position > 2)
    frozen.publisher.gate.clear()
    await until(lambda: frozen.publisher.under_way)
    stage.office.holder = None  # what the server does with the session of a process that does not move
    second = stage.candidate("second")
    await until(lambda: second.leads)
    await until(lambda: stage.broker.messages[-1].key == "second")
    frozen.publisher.gate.set()
    await until(lambda: frozen.metrics.steps_down)

    keys = stage.broker.keys
    assert "frozen" not in keys[keys.index("second") :]
    assert list(dict.fromkeys(stage.sequences())) == sorted(set(stage.sequences()))


async def test_nothing_is_published_before_the_office_was_confirmed_behind_the_fence(
    stage: Stage, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    leader = stage.candidate()
    asked, silent, confirm = [], asyncio.Event(), leader.leadership.confirm

    async def confirm_in_the_end() -> None:
        asked.append(list(stage.office.journal))
        await silent.wait()
        await confirm()

    monkeypatch.setattr(leader.leadership, "confirm", confirm_in_the_end)
    await until(lambda: any("opened" in journal for journal in asked))
    stage.office.epoch += 1  # another one has led meanwhile, and perhaps leads still
    silent.set()
    await until(lambda: leader.metrics.steps_down)

    assert leader.metrics.steps_down[0] == "leadership"
    assert leader.offices == []
    assert stage.broker.messages == []


async def test_a_stop_does_not_wait_for_kafka(stage: Stage, until: Until) -> None:
    stage.office.position = 5
    leader = stage.candidate()
    leader.publisher.gate.clear()
    await until(lambda: leader.leadership.confirmed >= 1)
    assert stage.office.holder is leader.leadership
    leader.stopping.set()
    await asyncio.wait_for(leader.running, 5)

    assert stage.office.journal == ["acquired", "closed", "resigned"]
    assert leader.offices == []


async def test_work_that_is_given_up_closes_the_publisher_and_frees_the_lock(stage: Stage, until: Until) -> None:
    leader = stage.candidate()
    await until(lambda: stage.office.position > 2)
    leader.publisher.gate.clear()
    await until(lambda: leader.publisher.under_way)
    leader.running.cancel()
    with pytest.raises(asyncio.CancelledError):
        async with asyncio.timeout(5):
            await leader.running

    assert stage.office.journal[-2:] == ["closed", "resigned"]


async def test_who_has_lost_the_lead_while_it_opened_publishes_nothing(stage: Stage, until: Until) -> None:
    late = stage.candidate()
    late.publisher.gate.clear()
    await until(lambda: stage.office.journal[:1] == ["acquired"])
    late.leadership.failure = LeadershipLost("another one leads")
    late.publisher.gate.set()
    await until(lambda: late.metrics.steps_down)

    assert (late.metrics.steps_down[0], late.offices[:1]) == ("leadership", [])
