"""What changes under a loop: the ends of partitions, their owners, and partitions that can no longer be read."""

import asyncio

import pytest

from taskmanager.api.kafka import loop as loop_module
from taskmanager.application.changes import Outcome
from taskmanager.application.commands import InboundMessage, Partition
from taskmanager.application.use_cases.ingest_batch import IngestBatch, Ingested, Prepared
from tests.builders import task_id
from tests.fakes.batches import numbered
from tests.fakes.clock import FixedClock
from tests.fakes.consumer import PARTITIONS, Consumer, Seconds, others_run, until
from tests.fakes.messages import REQUESTS, STATUSES, request
from tests.fakes.task_store import StoredPartition

_HERE, _THERE = Partition(REQUESTS, 0), Partition(STATUSES, 1)


def requests(count: int, first: int = 0) -> list[InboundMessage]:
    """Requests for as many tasks in one partition."""
    return numbered([request(id=task_id(number)) for number in range(first, first + count)], first)


@pytest.fixture(autouse=True)
def seconds(monkeypatch: pytest.MonkeyPatch) -> Seconds:
    clock = Seconds()
    monkeypatch.setattr(loop_module, "monotonic", clock)
    monkeypatch.setattr(loop_module, "_PAUSE_SECONDS", (0, 0))
    return clock


async def stopped(consumer: Consumer, running: asyncio.Task[None]) -> None:
    """Ends the loop."""
    consumer.loop.stop()
    await running


def row(consumer: Consumer, partition: Partition = _HERE) -> StoredPartition:
    """What is stored of a partition."""
    return consumer.store.contents.offsets[partition]


async def idle_fetches(consumer: Consumer, count: int = 3) -> None:
    """Lets the source be asked a few times for nothing."""
    before = consumer.source.fetches
    await until(lambda: consumer.source.fetches >= before + count)


async def test_an_end_behind_the_last_message_goes_along_with_the_batch() -> None:
    consumer = Consumer(requests(3), fetch_size=10)
    consumer.source.reached = {_HERE: 5, _THERE: 2}
    await consumer.run_dry()

    assert (row(consumer).next_offset, row(consumer).outcomes) == (5, {Outcome.CREATED: 3, Outcome.SKIPPED: 2})
    assert (row(consumer, _THERE).next_offset, row(consumer, _THERE).outcomes) == (2, {Outcome.SKIPPED: 2})
    assert row(consumer, _THERE).ingested_at is None
    assert consumer.told.batches == [3]


async def test_an_end_without_a_further_message_is_written_by_itself_a_second_later(seconds: Seconds) -> None:
    consumer = Consumer(requests(3), fetch_size=10)
    running = consumer.start()
    await consumer.source.drained.wait()
    await until(lambda: consumer.told.batches == [3])
    ingested_at = row(consumer).ingested_at
    consumer.source.reached = {_HERE: 7}
    await idle_fetches(consumer)
    assert row(consumer).next_offset == 3

    seconds.now += 1
    await until(lambda: row(consumer).next_offset == 7)
    assert row(consumer).ingested_at == ingested_at
    await until(lambda: consumer.told.batches == [3, 0])
    transactions = consumer.store.transactions
    seconds.now += 5
    await idle_fetches(consumer)
    assert consumer.store.transactions == transactions, "an end is written once"
    await stopped(consumer, running)


async def test_an_end_that_is_not_behind_what_was_read_writes_nothing(seconds: Seconds) -> None:
    consumer = Consumer(requests(3), fetch_size=10)
    running = consumer.start()
    await until(lambda: consumer.told.batches == [3])
    transactions = consumer.store.transactions
    consumer.source.reached = dict.fromkeys(PARTITIONS, 0) | {_HERE: 3}
    await idle_fetches(consumer)
    seconds.now += 1
    await idle_fetches(consumer)

    assert consumer.store.transactions == transactions
    await stopped(consumer, running)


async def test_an_end_of_a_partition_that_is_not_read_any_more_is_ignored(seconds: Seconds) -> None:
    consumer = Consumer(requests(3), fetch_size=10)
    running = consumer.start()
    await until(lambda: consumer.told.batches == [3])
    consumer.source.reached = {Partition(REQUESTS, 9): 4}
    await idle_fetches(consumer)
    seconds.now += 1
    await idle_fetches(consumer)

    assert Partition(REQUESTS, 9) not in consumer.store.contents.offsets
    await stopped(consumer, running)


async def test_an_end_is_fenced_as_messages_are(seconds: Seconds) -> None:
    consumer = Consumer(requests(3), fetch_size=10)
    running = consumer.start()
    await until(lambda: consumer.told.batches == [3])
    row(consumer).next_offset = 6  # another owner
    consumer.source.reached = {_HERE: 5}
    await idle_fetches(consumer)
    seconds.now += 1
    await until(lambda: consumer.told.fences == 1)

    await until(lambda: len(consumer.source.assigned) == 2)
    assert consumer.source.assigned[1][_HERE] == 6
    assert row(consumer).next_offset == 6
    await stopped(consumer, running)


async def test_other_partitions_are_taken_up_after_the_batch_in_hand(seconds: Seconds) -> None:
    consumer = Consumer(requests(10), fetch_size=5)
    entered, go_on = asyncio.Event(), asyncio.Event()
    write = consumer.write

    async def held(prepared: Prepared) -> Ingested:
        entered.set()
        await go_on.wait()
        return await write(prepared)

    consumer.write = held
    running = consumer.start()
    await entered.wait()
    consumer.partitions = {_HERE: PARTITIONS[_HERE]}
    consumer.changed = True
    await others_run()
    assert len(consumer.source.assigned) == 1
    go_on.set()
    await until(lambda: len(consumer.source.assigned) == 2)
    assert consumer.source.assigned[1] == {_HERE: row(consumer).next_offset}
    assert consumer.source.assigned[1][_HERE] in {5, 10}
    await until(lambda: row(consumer).next_offset == 10)

    assert sum(consumer.told.batches) == 10
    assert (consumer.told.fences, consumer.source.overlapping, consumer.source.cancelled) == (0, 0, 0)
    await stopped(consumer, running)


async def test_a_process_that_owns_nothing_stays_and_waits(seconds: Seconds) -> None:
    consumer = Consumer(requests(10), fetch_size=5)
    consumer.partitions = {}
    running = consumer.start()
    await idle_fetches(consumer, 5)
    assert (consumer.source.assigned, consumer.tasks) == ([{}], 0)

    consumer.partitions = dict(PARTITIONS)
    consumer.changed = True
    await until(lambda: consumer.tasks == 10)
    await stopped(consumer, running)


async def test_partitions_change_hands_and_every_message_counts_once() -> None:
    messages = [message for n in (0, 1) for message in numbered(
        [request(id=task_id(100 * n + number), partition=n) for number in range(50)]
    )]  # fmt: skip
    one, other = Consumer(messages, fetch_size=3), Consumer(messages, fetch_size=4)
    other.store, other.partitions = one.store, {}
    other.ingest = IngestBatch(one.store, FixedClock())
    other.write = other.ingest.write
    running = [one.start(), other.start()]
    shares = [{at: begin for at, begin in PARTITIONS.items() if at.partition == n} for n in (0, 1)]
    for turn in range(6):
        await until(lambda least=turn * 10: one.tasks >= least)  # type: ignore[misc]
        one.partitions, other.partitions = shares[turn % 2], shares[1 - turn % 2]
        one.changed = other.changed = True
    await until(lambda: one.tasks == 100)
    await stopped(one, running[0])
    await stopped(other, running[1])

    assert len(one.store.contents.events) == 100
    assert sum(one.told.batches) + sum(other.told.batches) == 100


async def test_a_lost_partition_is_looked_after_and_the_others_go_on() -> None:
    consumer = Consumer(requests(10), fetch_size=5)
    consumer.source.lost = [_THERE]
    running = consumer.start()
    await until(lambda: consumer.offsets_read == 2)
    await until(lambda: consumer.tasks == 10)

    assert (consumer.told.fences, sum(consumer.told.batches)) == (0, 10)
    await stopped(consumer, running)


async def test_a_lost_partition_hides_no_failure_of_the_write_under_way() -> None:
    consumer = Consumer(requests(10), fetch_size=5)

    async def broken(prepared: Prepared) -> Ingested:
        consumer.source.lost = [_THERE]
        await others_run()
        raise RuntimeError("a bug")

    consumer.write = broken
    with pytest.raises(RuntimeError, match="a bug"):
        await consumer.start()


async def test_the_pulse_beats_with_every_fetch_and_write_also_without_messages() -> None:
    consumer = Consumer(requests(10), fetch_size=5)
    running = consumer.start()
    await until(lambda: consumer.tasks == 10)
    before, fetches = consumer.pulse.count, consumer.source.fetches
    await idle_fetches(consumer, 5)

    assert before >= 5  # the beginning, two fetches and two writes
    assert consumer.pulse.count - before >= consumer.source.fetches - fetches - 1
    await stopped(consumer, running)


async def test_the_pulse_stands_still_while_a_write_does() -> None:
    consumer = Consumer(requests(30), fetch_size=5)
    go_on = asyncio.Event()
    write = consumer.write

    async def held(prepared: Prepared) -> Ingested:
        await go_on.wait()
        return await write(prepared)

    consumer.write = held
    running = consumer.start()
    await others_run()
    before = consumer.pulse.count
    await others_run()
    assert consumer.pulse.count == before
    go_on.set()
    await until(lambda: consumer.tasks == 30)
    assert consumer.pulse.count > before
    await stopped(consumer, running)


async def test_what_was_published_by_nobody_is_published_by_the_next_owner(seconds: Seconds) -> None:
    consumer = Consumer(requests(10), fetch_size=10)
    await consumer.store.register(PARTITIONS)
    row(consumer).next_offset = 10
    running = consumer.start()
    await until(lambda: bool(consumer.source.published))

    assert consumer.source.published[0][_HERE] == 10
    await stopped(consumer, running)


def own_events(count: int, first: int = 0) -> list[InboundMessage]:
    """What the relay writes onto a topic that is also read."""
    headers = {"source": "task-manager", "event_id": f"{task_id()}:1", "event_type": "TaskCreated", "status": "new"}
    return numbered([request(id=task_id(), headers=headers) for _ in range(count)], first)


async def test_own_events_alone_are_no_reason_for_a_transaction(seconds: Seconds) -> None:
    consumer = Consumer(own_events(5), fetch_size=2)
    running = consumer.start()
    await consumer.source.drained.wait()
    await idle_fetches(consumer)
    assert consumer.told.batches == []

    seconds.now += 1
    await until(lambda: row(consumer).next_offset == 5)
    assert (row(consumer).outcomes, consumer.told.batches) == ({Outcome.SKIPPED: 5}, [0])
    await stopped(consumer, running)


async def test_own_events_between_others_are_counted_along_with_these() -> None:
    played = [*own_events(2), *requests(1, 2), *own_events(1, 3), *requests(1, 4), *own_events(2, 5)]
    consumer = Consumer(played, fetch_size=10)
    consumer.source.reached = {_HERE: 8}
    await consumer.run_dry()

    assert (row(consumer).next_offset, row(consumer).outcomes) == (8, {Outcome.CREATED: 2, Outcome.SKIPPED: 6})
    assert consumer.told.batches == [2]
