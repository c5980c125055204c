"""Whatever happens in whatever order: nobody is given up for a report that lies in Kafka unread."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from hypothesis import given, settings
from hypothesis import strategies as st

from taskmanager.application.commands import InboundMessage, Partition
from taskmanager.application.offsets import TopicEnds
from taskmanager.application.use_cases.housekeeping.ingestion_clock import IngestedPartition, IngestionClock
from taskmanager.application.use_cases.housekeeping.parked_reports import ParkedReports
from taskmanager.application.use_cases.housekeeping.stuck_tasks import Position, Stretch, StuckTasks
from taskmanager.domain.lease import Lease, RetryPolicy
from tests.builders import task_id
from tests.fakes.batches import partition_of
from tests.fakes.clock import FixedClock
from tests.fakes.housekeeping import InMemoryHousekeeping
from tests.fakes.manager import Manager
from tests.fakes.messages import TOPIC_IDS, report, request
from tests.fakes.task_store import InMemoryTaskStore

LIMIT = 10.0
KINDS = {
    "request": lambda name: request(id=name),
    "started": lambda name: report("started", id=name, timestamp_ms=None),
    "completed": lambda name: report("completed", id=name, headers={"attempt": "1"}),
    "completed again": lambda name: report("completed", id=name, headers={"attempt": "2"}),
}


@dataclass(frozen=True)
class Send:
    kind: str
    task: int
    partition: int


@dataclass(frozen=True)
class Read:
    """A consumer takes in so many messages of one partition."""

    place: int
    count: int


@dataclass(frozen=True)
class Wait:
    seconds: float


@dataclass(frozen=True)
class Round:
    """The housekeeper looks; between its questions, and before it writes, these happen one by one."""

    meanwhile: tuple[Send | Read | Wait, ...]
    kafka_answers: bool


_SENDS = st.builds(Send, st.sampled_from(list(KINDS)), st.integers(1, 2), st.just(0))
_READS = st.builds(Read, st.integers(0, 1), st.integers(1, 3))
_ORDINARY = st.one_of(_SENDS, _READS, st.builds(Wait, st.sampled_from([1.0, LIMIT / 2, LIMIT, 2 * LIMIT])))
_ROUND = st.builds(Round, st.lists(_ORDINARY, max_size=8).map(tuple), st.sampled_from([True, True, True, False]))
# A worker is at task 1, and a report waits for task 2.
_BEGINNING = (Send("request", 1, 0), Send("started", 1, 0), Send("started", 2, 0), Read(0, 9), Read(1, 9))


class StepByStep(InMemoryHousekeeping):
    """Lets something happen after each look and before anything is made of it."""

    def __init__(self, store: InMemoryTaskStore, clock: FixedClock, step: Callable[[], Awaitable[None]]) -> None:
        super().__init__(store, clock)
        self._step = step
        self.leases: dict[str, datetime] = {}

    async def ingested(self) -> Mapping[Partition, IngestedPartition]:
        """See `IngestedOffsets.ingested`."""
        answer = await super().ingested()
        await self._step()
        return answer

    async def expired(self, lease: Lease, time: datetime, after: Position | None, limit: int) -> Stretch:
        """See `TasksInProgress.expired`."""
        answer = await super().expired(lease, time, after, limit)
        await self._step()
        self.leases = {task.id: lease.ends_at(task) for task in self._store.contents.tasks.values()}
        return answer


class Service:
    """Two topics, a consumer that reads when it is told to, and a housekeeper."""

    def __init__(self) -> None:
        self.clock = FixedClock()
        self.store = InMemoryTaskStore()
        self.log: dict[Partition, list[tuple[datetime, InboundMessage]]] = {
            Partition(topic, 0): [] for topic in TOPIC_IDS
        }
        self.read: dict[Partition, int] = dict.fromkeys(self.log, 0)
        self._manager = Manager(self.store, self.clock)
        self._tables = StepByStep(self.store, self.clock, self._next_step)
        self._meanwhile: Iterator[Send | Read | Wait] = iter(())
        self._kafka_answers = True
        lease = Lease(timedelta(seconds=2 * LIMIT), timedelta(seconds=LIMIT))
        policy = RetryPolicy(2, timedelta(), timedelta())
        self._clock = IngestionClock(self._tables, self._ends, self.clock, lambda _: self._next_step())
        self._rules = [
            StuckTasks(self._tables, self.store, self.clock, lease, policy, jitter=lambda: 1.0),
            ParkedReports(self._tables, self.clock, timedelta(seconds=LIMIT)),
        ]

    async def do(self, step: Send | Read | Wait | Round) -> None:
        match step:
            case Send(kind, task, number):
                message = KINDS[kind](task_id(task))._replace(partition=number)
                log = self.log[partition_of(message)]
                log.append((self.clock.now(), message._replace(offset=len(log))))
            case Read(place, count):
                partition = sorted(self.log)[place]
                first = self.read[partition]
                messages = [message for _, message in self.log[partition][first : first + count]]
                if messages:
                    await self._manager.receive(*messages)
                    self.read[partition] += len(messages)
                    self._tables.note_parked()
                    await self._manager.sweep()
            case Wait(seconds):
                self.clock.pass_seconds(seconds)
            case Round(meanwhile, answers):
                self._meanwhile, self._kafka_answers = iter(meanwhile), answers
                await self._keep_house()

    async def _keep_house(self) -> None:
        reading = await self._clock.read()
        for rule in self._rules:
            await self._next_step()
            unread = self._sent_before(reading.time or self.clock.now()) - self._read()
            events, dead = self.store.contents.events, self.store.contents.dead
            await rule.apply(reading)
            given_up = [event for event, source in self.store.contents.events if source is None]
            given_up = [event for event in given_up if event not in [earlier for earlier, _ in events]]
            assert not unread or (not given_up and self.store.contents.dead == dead), f"{unread} were not read yet"
            for event in given_up:
                assert reading.time is not None
                assert self._tables.leases[event.task_id] <= reading.time, "it had shown life"

    def _sent_before(self, time: datetime) -> set[tuple[str, int]]:
        """What lay in Kafka then: topics and offsets."""
        return {
            (message.topic, message.offset) for log in self.log.values() for sent_at, message in log if sent_at < time
        }

    def _read(self) -> set[tuple[str, int]]:
        return {(partition.topic, offset) for partition, end in self.read.items() for offset in range(end)}

    async def _next_step(self) -> None:
        for step in islice(self._meanwhile, 2):
            await self.do(step)

    async def _ends(self) -> dict[Partition, TopicEnds] | None:
        await self._next_step()
        ends = {partition: TopicEnds(TOPIC_IDS[partition.topic], 0, len(log)) for partition, log in self.log.items()}
        await self._next_step()
        return ends if self._kafka_answers else None


async def _live(steps: Sequence[Send | Read | Wait | Round]) -> None:
    service = Service()
    for step in (*_BEGINNING, *steps):
        await service.do(step)
    # In the end everything is read and every limit has passed: nobody is forgotten.
    for place in range(2):
        await service.do(Read(place, 1000))
    for _ in range(2):
        await service.do(Wait(2 * LIMIT))
        await service.do(Round((), kafka_answers=True))
    contents = service.store.contents
    assert not [task for task in contents.tasks.values() if task.is_in_progress]
    assert contents.parked == []


@settings(max_examples=500, deadline=None)
@given(st.lists(st.one_of(_ORDINARY, _ROUND), max_size=12))
def test_nobody_is_given_up_for_a_report_that_lies_in_kafka_unread(steps: list[Send | Read | Wait | Round]) -> None:
    asyncio.run(_live(steps))


def test_the_model_gives_up_who_is_really_silent() -> None:
    async def live() -> Service:
        service = Service()
        for step in (*_BEGINNING, Wait(LIMIT), Round((), kafka_answers=True)):
            await service.do(step)
        return service

    contents = asyncio.run(live()).store.contents
    assert [type(event).__name__ for event, _ in contents.events] == ["TaskCreated", "TaskStarted", "TaskRetried"]
    assert [reject.task_id for _, reject in contents.dead] == [task_id(2)]
