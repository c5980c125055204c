"""Events that arrive, and what is made of them."""

import asyncio

import pytest

from taskmanager.programs.demo.crew import Crew
from taskmanager.programs.demo.listener import Listener
from taskmanager.programs.demo.published import Recogniser
from taskmanager.programs.demo.recent import Recent
from taskmanager.programs.demo.witness import Witness
from taskmanager.programs.demo.workers import reports
from tests.unit.demo.events import TASK, relayed

P = ("task-status", 0)


class FakeReader:
    """Hands out one batch after the other, then stops the listening."""

    def __init__(self, stop: asyncio.Event, *batches) -> None:
        self._stop = stop
        self._batches = list(batches)
        self.closed = False

    async def fetch(self):
        if not self._batches:
            self._stop.set()
            return []
        batch = self._batches.pop(0)
        if isinstance(batch, Exception):
            raise batch
        return batch

    async def close(self) -> None:
        self.closed = True

    def reached(self, ends) -> bool:
        return not self._batches and ends == {P: 9}


class FakePlayer:
    def __init__(self) -> None:
        self.sent = []
        self.polls = 0

    async def send(self, message) -> None:
        self.sent.append(message)

    def poll(self) -> None:
        self.polls += 1


@pytest.fixture
def stop() -> asyncio.Event:
    return asyncio.Event()


def listener(reader, *, crew: Crew | None = None, witness: Witness | None = None) -> tuple[Listener, FakePlayer]:
    player = FakePlayer()
    return Listener(reader, Recogniser("task-manager", ["task-status"]), crew, witness, player), player


async def test_workers_report_on_what_is_created(stop):
    reader = FakeReader(stop, [relayed()], [relayed(version=2, kind="TaskStarted")])
    listening, player = listener(reader, crew=Crew(1, Recent(), paced=False), witness=Witness())

    await listening.listen(stop)

    assert [(m.task_id, dict(m.headers)["status"].decode()) for m in player.sent] == [
        (TASK, report.status) for report in reports(TASK, 1)
    ]
    assert player.sent
    assert player.polls == 3
    assert reader.closed


async def test_the_witness_sees_every_message_and_hears_every_event(stop):
    played = relayed(source="somebody")
    witness = Witness()
    listening, player = listener(FakeReader(stop, [relayed(), played], [relayed(version=2)]), witness=witness)

    await listening.listen(stop)

    assert (witness.sightings[P].messages, witness.relayed) == (3, 2)
    assert witness.problems([(TASK, 1, 2)]) == []
    assert player.sent == []


async def test_an_event_that_contradicts_itself_is_the_witnesses_business_alone(stop):
    witness = Witness()
    crew = Crew(1, Recent(), paced=False)
    listening, player = listener(FakeReader(stop, [relayed(event_id=f"{TASK}:7")]), crew=crew, witness=witness)

    await listening.listen(stop)

    assert f"event {TASK}:7: key, headers and body do not name the same" in witness.problems([])
    assert player.sent == []


async def test_it_is_idle_when_all_is_heard_and_nothing_is_left_to_report(stop):
    crew = Crew(1, Recent(), paced=True)
    busy, _ = listener(FakeReader(stop, [relayed()]), crew=crew)
    heard, _ = listener(FakeReader(stop))

    await busy.listen(stop)

    assert not busy.idle({P: 9})
    assert heard.idle({P: 9})
    assert not heard.idle({P: 10})


async def test_topics_that_cannot_be_read_end_the_listening_in_good_order(stop):
    reader = FakeReader(stop, RuntimeError("gone"))
    listening, _ = listener(reader)

    with pytest.raises(RuntimeError, match="gone"):
        await listening.listen(stop)

    assert reader.closed
