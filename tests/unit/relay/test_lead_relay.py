"""One relay leads, and steps down at any doubt."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from typing import Any

import pytest
from structlog.testing import capture_logs

from taskmanager.application.leadership import LeadershipLost
from taskmanager.application.office import Office
from taskmanager.application.outbound import Outbound, PublisherFenced, PublishFailed
from taskmanager.application.ports import StoreUnavailable
from taskmanager.application.use_cases import lead_relay
from taskmanager.application.use_cases.lead_relay import LeadRelay
from taskmanager.infrastructure.resilience.refusals import StoreCircuitOpen
from tests.fakes.leadership import InMemoryLeadership, SharedOffice
from tests.fakes.relay import Broker, InMemoryPublisher, RecordingMetrics

Until = Callable[[Callable[[], object]], Any]


class Candidate:
    """A relay whose work is to publish one message after another, or to fail."""

    def __init__(self, name: str, office: SharedOffice, broker: Broker) -> None:
        self.name = name
        self.leadership = InMemoryLeadership(office)
        self.publisher = InMemoryPublisher(broker)
        self.metrics = RecordingMetrics()
        self.stopping = asyncio.Event()
        self.offices: list[Office] = []
        self.failures: list[Exception] = []
        self.beats = 0
        self._stop_work = asyncio.Event()
        self.relay = LeadRelay(
            self.leadership, self.publisher, self._begin, self.metrics, stopping=self.stopping, beat=self._beat
        )
        self.running = asyncio.create_task(self.relay.run())

    @property
    def leads(self) -> bool:
        return self.metrics.leaders[-1:] == [True]

    def _beat(self) -> None:
        self.beats += 1

    def _begin(self, office: Office) -> Sequence[Coroutine[Any, Any, None]]:
        self.offices.append(office)
        return [self._work(office), self._stand()]

    async def _work(self, office: Office) -> None:
        position = office.term.position
        while not self.stopping.is_set():
            position += 1
            await self.publisher.publish([Outbound("events", self.name, b"", [("sequence", str(position))])])
            office.reached(position)
            if self.failures:
                raise self.failures.pop(0)
            await asyncio.sleep(0.001)

    async def _stand(self) -> None:
        await self.stopping.wait()


class Stage:
    """Candidates for one office."""

    def __init__(self) -> None:
        self.office = SharedOffice()
        self.broker = Broker()
        self.broker.journal = self.office.journal
        self.candidates: list[Candidate] = []

    def candidate(self, name: str = "first") -> Candidate:
        self.candidates.append(Candidate(name, self.office, self.broker))
        return self.candidates[-1]

    def sequences(self) -> list[int]:
        return [int(str(dict(message.headers)["sequence"])) for message in self.broker.messages]


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    stage = Stage()
    yield stage
    for candidate in stage.candidates:
        candidate.stopping.set()
        candidate.publisher.gate.set()
        await candidate.publisher.close()
        candidate.running.cancel()
        await asyncio.gather(candidate.running, return_exceptions=True)


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


async def test_who_does_not_reach_kafka_leaves_the_lead_to_those_who_do(stage: Stage, until: Until) -> None:
    first = stage.candidate()
    first.publisher.away = PublishFailed("no route")
    await until(lambda: first.metrics.steps_down)
    second = stage.candidate("second")
    await until(lambda: second.leads)

    assert first.offices == []
    assert first.relay.problem == "no route"
    assert stage.office.epoch == 1


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


async def test_who_has_lost_the_lead_while_it_opened_publishes_nothing(stage: Stage, until: Until) -> None:
    late = stage.candidate()
    late.publisher.gate.clear()
    await until(lambda: stage.office.journal[:1] == ["acquired"])
    late.leadership.failure = LeadershipLost("another one leads")
    late.publisher.gate.set()
    await until(lambda: late.metrics.steps_down)

    assert (late.metrics.steps_down[0], late.offices[:1]) == ("leadership", [])


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
