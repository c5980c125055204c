"""Chunks of the log on their way to Kafka."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from taskmanager.api.kafka.outbound import EventEncoder
from taskmanager.application import chunks
from taskmanager.application.chunks import ChunkSource
from taskmanager.application.event_log import HighWaterReader
from taskmanager.application.outbound import PublishFailed
from taskmanager.application.ports import StoreUnavailable
from taskmanager.application.task_states import TaskStates
from taskmanager.application.use_cases.relay_events import RelayEvents
from taskmanager.infrastructure.postgres.event_log import decode
from tests.builders import created_task, task_id
from tests.fakes.event_log import InMemoryEventLog
from tests.fakes.relay import Broker, InMemoryHistories, InMemoryPublisher, RecordingMetrics, log_entry

Until = Callable[[Callable[[], object]], Any]


class World:
    """A log, a topic, and the relay between them."""

    def __init__(self, position: int = 0) -> None:
        self.log = InMemoryEventLog()
        self.broker = Broker()
        self.publisher = InMemoryPublisher(self.broker)
        self.metrics = RecordingMetrics()
        self.reached: list[int] = []
        self.beats = 0
        self.stopping = asyncio.Event()
        self._position = position
        self.running: asyncio.Task[None] | None = None

    def append(self, *numbers: int) -> None:
        """New tasks of these numbers, which are also those of their events."""
        for number in numbers:
            _, created = created_task(id=task_id(number))
            self.log.visible[number] = log_entry(number, created)

    async def start(self) -> None:
        await self.publisher.open()
        encode = EventEncoder(topic="events", own_name="task-manager", limit=1_000_000, reduced=lambda reason: None)
        reader = HighWaterReader(self.log, self._position, limit=1000)
        source = ChunkSource(reader, TaskStates(InMemoryHistories([]), decode), encode)
        relay = RelayEvents(
            source,
            self.publisher.publish,
            self.reached.append,
            self.metrics,
            position=self._position,
            stopping=self.stopping,
            beat=self.beat,
        )
        self.running = asyncio.create_task(relay.run())

    def beat(self) -> None:
        self.beats += 1

    async def finish(self) -> None:
        assert self.running is not None
        self.stopping.set()
        async with asyncio.timeout(5):
            await self.running


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    yield world
    if world.running is not None:
        world.running.cancel()
        await asyncio.gather(world.running, return_exceptions=True)


def ids(*numbers: int) -> list[str]:
    return [str(task_id(number)) for number in numbers]


async def test_events_are_published_in_the_order_of_the_log(world: World, until: Until) -> None:
    world.append(*range(1, 6))
    await world.start()
    await until(lambda: len(world.broker.messages) == 5)
    world.append(6)
    await until(lambda: len(world.broker.messages) == 6)

    assert world.broker.keys == ids(1, 2, 3, 4, 5, 6)
    assert world.reached[-1] == 6


async def test_a_position_is_reached_only_when_its_chunk_has_arrived(world: World, until: Until) -> None:
    world.append(1, 2)
    world.publisher.gate.clear()
    world.publisher._is_open = True
    await start_behind_gate(world)
    await until(lambda: world.publisher.under_way)

    assert (set(world.reached), world.broker.chunks) == (set(), [])
    world.publisher.gate.set()
    await until(lambda: world.reached[-1:] == [2])


async def start_behind_gate(world: World) -> None:
    """Opens first: the gate also holds up what opens."""
    is_closed = not world.publisher.gate.is_set()
    world.publisher.gate.set()
    await world.start()
    if is_closed:
        world.publisher.gate.clear()


async def test_what_comes_while_a_chunk_is_on_its_way_makes_up_the_next(world: World, until: Until) -> None:
    world.publisher.gate.clear()
    world.append(1)
    await start_behind_gate(world)
    await until(lambda: world.publisher.under_way)
    for number in range(2, 6):
        world.append(number)
        reads = world.log.reads
        await until(lambda seen=reads: world.log.reads > seen)
    world.publisher.gate.set()
    await until(lambda: len(world.broker.messages) == 5)

    assert [len(chunk) for chunk in world.broker.chunks] == [1, 4]
    assert world.metrics.chunks == [1, 4]


async def test_only_one_chunk_is_on_its_way_at_a_time(world: World, until: Until) -> None:
    world.publisher.gate.clear()
    world.append(1)
    await start_behind_gate(world)
    await until(lambda: world.publisher.under_way)
    world.append(2)
    reads = world.log.reads
    await until(lambda: world.log.reads > reads + 1)

    assert world.publisher.under_way == 1


async def test_a_backlog_is_cut_into_chunks_and_piles_up_nowhere(
    world: World, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunks, "EVENTS_MAX", 700)
    world.append(*range(1, 5001))
    world.publisher.gate.clear()
    await start_behind_gate(world)
    await until(lambda: world.publisher.under_way)
    beats = world.beats
    world.append(5001)
    for _ in range(1000):
        await asyncio.sleep(0)
    # One chunk is on its way, one is full, a page is in hand and one more has been fetched.
    assert world.log.reads <= 3
    world.publisher.gate.set()
    await until(lambda: len(world.broker.messages) == 5001)

    assert max(len(chunk) for chunk in world.broker.chunks) <= 700
    assert world.broker.keys == ids(*range(1, 5002))
    assert world.reached == sorted(world.reached)
    assert world.beats > beats


async def test_chunks_are_bounded_by_bytes(world: World, until: Until, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "_BYTES_MAX", 2000)
    world.append(*range(1, 51))
    await world.start()
    await until(lambda: len(world.broker.messages) == 50)

    largest = max(len(message.value or b"") for message in world.broker.messages)
    for chunk in world.broker.chunks:
        assert sum(len(message.value or b"") for message in chunk[:-1]) < 2000 + largest
    assert len(world.broker.chunks) >= 10


async def test_numbers_that_will_never_exist_are_passed_over(world: World, until: Until) -> None:
    world.append(3, 7)
    await world.start()
    await until(lambda: world.reached[-1:] == [7])

    assert world.broker.keys == ids(3, 7)


async def test_a_stop_finishes_what_is_in_hand_and_begins_nothing_new(world: World, until: Until) -> None:
    world.publisher.gate.clear()
    world.append(1)
    await start_behind_gate(world)
    await until(lambda: world.publisher.under_way)
    world.append(2)
    reads = world.log.reads
    await until(lambda: world.log.reads > reads + 1)
    world.stopping.set()
    world.append(3)
    world.publisher.gate.set()
    await world.finish()

    assert world.broker.keys == ids(1, 2)
    assert world.reached[-1] == 2


async def test_a_chunk_that_failed_is_not_reached(world: World, until: Until) -> None:
    world.append(1, 2)
    world.publisher.failures.append(PublishFailed("aborted"))
    await world.start()
    assert world.running is not None

    with pytest.raises(PublishFailed, match="aborted"):
        await asyncio.wait_for(world.running, 5)
    assert [position for position in world.reached if position > 0] == []
    assert world.metrics.chunks == []


async def test_a_log_that_does_not_answer_ends_the_work(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(after: int, limit: int) -> list[Any]:
        raise StoreUnavailable("away")

    monkeypatch.setattr(world.log, "read", fail)
    await world.start()
    assert world.running is not None

    with pytest.raises(StoreUnavailable):
        await asyncio.wait_for(world.running, 5)


async def test_work_that_is_cancelled_leaves_nothing_behind(world: World, until: Until) -> None:
    world.append(*range(1, 5001))
    world.publisher.gate.clear()
    await start_behind_gate(world)
    await until(lambda: world.publisher.under_way)
    assert world.running is not None
    before = asyncio.all_tasks()
    world.running.cancel()
    await asyncio.gather(world.running, return_exceptions=True)

    assert asyncio.all_tasks() <= before - {world.running}
    assert [position for position in world.reached if position > 0] == []
