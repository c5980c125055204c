"""The loop between a source of messages and the use case, without a clock: pauses pass at once."""

import asyncio
from collections.abc import Mapping

import pytest

from taskmanager.api.kafka import loop as loop_module
from taskmanager.application.commands import InboundMessage, Partition
from taskmanager.application.ports import Fenced, StoreUnavailable
from taskmanager.application.use_cases.ingest_batch import IngestBatch, Ingested, Prepared
from tests.builders import task_id
from tests.fakes.batches import numbered
from tests.fakes.clock import FixedClock
from tests.fakes.consumer import PARTITIONS, Consumer, Seconds, others_run, until
from tests.fakes.messages import REQUESTS, STATUSES, body, request


def requests(count: int) -> list[InboundMessage]:
    """Requests for as many tasks, over two partitions."""
    return numbered([request(id=task_id(number), partition=number % 2) for number in range(count)])


@pytest.fixture(autouse=True)
def seconds(monkeypatch: pytest.MonkeyPatch) -> Seconds:
    clock = Seconds()
    monkeypatch.setattr(loop_module, "monotonic", clock)
    monkeypatch.setattr(loop_module, "_PAUSE_SECONDS", (0, 0))
    return clock


async def test_every_message_is_carried_over_in_batches() -> None:
    consumer = Consumer(requests(25), fetch_size=10)
    await consumer.run_dry()

    assert consumer.tasks == 25
    assert consumer.told.batches == [10, 10, 5]
    assert consumer.source.assigned == [dict.fromkeys(PARTITIONS, 0)]


async def test_the_next_batch_is_fetched_while_one_is_written_and_no_more_than_that() -> None:
    consumer = Consumer(requests(30), fetch_size=10)
    fetches_during_write: list[int] = []
    write = consumer.write

    async def slow_write(prepared: Prepared) -> Ingested:
        await others_run()
        fetches_during_write.append(consumer.source.fetches)
        return await write(prepared)

    consumer.write = slow_write
    await consumer.run_dry()

    # While a batch is written the one behind it is in hand, prepared, and the one behind that is on its way.
    assert fetches_during_write[:2] == [3, 4]
    assert consumer.source.overlapping == 0


async def test_only_one_batch_is_written_at_a_time() -> None:
    consumer = Consumer(requests(30), fetch_size=3)
    writing, most = 0, 0
    write = consumer.write

    async def counted(prepared: Prepared) -> Ingested:
        nonlocal writing, most
        writing += 1
        most = max(most, writing)
        await others_run()
        ingested = await write(prepared)
        writing -= 1
        return ingested

    consumer.write = counted
    await consumer.run_dry()

    assert (consumer.tasks, most) == (30, 1)


async def test_stopping_finishes_the_batch_in_hand() -> None:
    consumer = Consumer(requests(100), fetch_size=10)
    entered, go_on = asyncio.Event(), asyncio.Event()
    write = consumer.write

    async def held(prepared: Prepared) -> Ingested:
        entered.set()
        await go_on.wait()
        return await write(prepared)

    consumer.write = held
    running = consumer.start()
    await entered.wait()
    consumer.loop.stop()
    await others_run()
    assert not running.done()
    go_on.set()
    await running

    assert consumer.tasks == sum(consumer.told.batches)
    assert consumer.told.batches[0] == 10
    assert len(consumer.told.batches) <= 2
    assert consumer.source.cancelled == 0


async def test_a_fetch_is_awaited_not_cancelled_when_the_write_fails() -> None:
    consumer = Consumer(requests(30), fetch_size=10)

    async def broken(prepared: Prepared) -> Ingested:
        raise RuntimeError("a bug")

    consumer.write = broken
    with pytest.raises(RuntimeError, match="a bug"):
        await consumer.start()

    assert (consumer.source.cancelled, consumer.source.overlapping) == (0, 0)


async def test_a_source_that_fails_ends_the_loop_after_the_write_under_way() -> None:
    consumer = Consumer(requests(30), fetch_size=10)
    write = consumer.write

    async def fail_meanwhile(prepared: Prepared) -> Ingested:
        consumer.source.failure = RuntimeError("the partition is gone")
        await others_run()
        return await write(prepared)

    consumer.write = fail_meanwhile
    with pytest.raises(RuntimeError, match="gone"):
        await consumer.start()

    assert consumer.told.batches[0] == 10
    assert consumer.tasks == sum(consumer.told.batches)


async def test_a_failure_at_the_stop_is_not_swallowed() -> None:
    consumer = Consumer(requests(5), fetch_size=10)

    async def broken(prepared: Prepared) -> Ingested:
        consumer.loop.stop()
        raise RuntimeError("a bug")

    consumer.write = broken
    with pytest.raises(RuntimeError, match="a bug"):
        await consumer.start()


async def test_a_fenced_loop_reads_on_from_the_stored_offsets() -> None:
    consumer = Consumer(requests(40), fetch_size=10)
    write = consumer.write
    thieves = iter([True])

    async def overtaken(prepared: Prepared) -> Ingested:
        if next(thieves, False):
            # Another owner writes this batch first.
            await IngestBatch(consumer.store, FixedClock()).write(Prepared(prepared.batch))
        return await write(prepared)

    consumer.write = overtaken
    await consumer.run_dry()

    assert consumer.told.fences == 1
    assert consumer.tasks == 40
    assert len(consumer.store.contents.events) == 40
    assert consumer.source.assigned[1] == {
        Partition(REQUESTS, 0): 5,
        Partition(REQUESTS, 1): 5,
        Partition(STATUSES, 0): 0,
        Partition(STATUSES, 1): 0,
    }
    assert consumer.source.overlapping == 0


async def test_two_owners_of_the_same_partitions_write_nothing_twice() -> None:
    messages = requests(200)
    one, other = Consumer(messages, fetch_size=7), Consumer(messages, fetch_size=11)
    other.store = one.store
    other.ingest = IngestBatch(one.store, FixedClock())
    other.write = other.ingest.write
    running = [one.start(), other.start()]
    await until(lambda: one.tasks == 200)
    one.loop.stop()
    other.loop.stop()
    await asyncio.gather(*running)

    assert len(one.store.contents.events) == 200
    assert all(row.next_offset == 100 for at, row in one.store.contents.offsets.items() if at.topic == REQUESTS)
    assert one.told.fences + other.told.fences > 0
    assert sum(one.told.batches) + sum(other.told.batches) == 200


async def test_a_fence_that_outlasts_the_stop_ends_the_loop() -> None:
    consumer = Consumer(requests(5), fetch_size=10)

    async def fenced(prepared: Prepared) -> Ingested:
        consumer.loop.stop()
        raise Fenced("overtaken")

    consumer.write = fenced
    await consumer.start()

    assert consumer.told.batches == []


async def test_parked_reports_are_swept_once_a_second_whether_messages_come_or_not(seconds: Seconds) -> None:
    consumer = Consumer(requests(10), fetch_size=1)
    write = consumer.write

    async def half_a_second(prepared: Prepared) -> Ingested:
        seconds.now += 0.5
        return await write(prepared)

    async def nothing(written: Mapping[Partition, int]) -> int:
        consumer.source.drained.clear()
        return 3

    consumer.write, consumer.sweep = half_a_second, nothing
    running = consumer.start()
    await until(lambda: len(consumer.told.batches) == 10)
    assert consumer.told.sweeps == [3] * 5

    seconds.now += 1
    await until(lambda: len(consumer.told.sweeps) == 6)
    await consumer.source.drained.wait()
    consumer.loop.stop()
    await running
    assert consumer.told.sweeps == [3] * 6


async def test_a_sweep_that_fails_is_left_for_the_next_second(seconds: Seconds) -> None:
    consumer = Consumer(requests(2), fetch_size=1)
    tries = 0

    async def failing(written: Mapping[Partition, int]) -> int:
        nonlocal tries
        tries += 1
        raise StoreUnavailable("gone", "08")

    consumer.sweep = failing
    await consumer.run_dry()

    assert (consumer.tasks, tries, consumer.told.sweeps) == (2, 1, [])


async def test_group_offsets_are_published_at_most_once_a_second(seconds: Seconds) -> None:
    consumer = Consumer(requests(10), fetch_size=2)
    write = consumer.write

    async def takes_a_moment(prepared: Prepared) -> Ingested:
        seconds.now += 0.4
        return await write(prepared)

    consumer.write = takes_a_moment
    await consumer.run_dry()

    # All at once where it begins, what was written a second later: with the fourth batch.
    assert consumer.source.published == [
        dict.fromkeys(PARTITIONS, 0) | {Partition(REQUESTS, 0): 1, Partition(REQUESTS, 1): 1},
        {Partition(REQUESTS, 0): 4, Partition(REQUESTS, 1): 4},
    ]


async def test_ignored_parts_are_told_with_them(seconds: Seconds) -> None:
    consumer = Consumer([request(body(mood="good"), headers={"traceparent": "?"})], fetch_size=2)
    await consumer.run_dry()

    assert consumer.told.ignored_parts == [(1, 1)]


async def test_offsets_that_somebody_moved_are_read_again_also_where_nothing_comes(seconds: Seconds) -> None:
    consumer = Consumer(requests(4), fetch_size=10)
    here = Partition(REQUESTS, 0)

    def stored() -> int:
        return consumer.store.contents.offsets[here].next_offset

    async def compare(written: Mapping[Partition, int]) -> int:
        if stored() != written[here]:
            raise Fenced("moved")
        return 0

    consumer.sweep = compare
    running = consumer.start()
    await until(lambda: consumer.told.batches == [4])
    await consumer.source.drained.wait()
    consumer.store.contents.offsets[here].next_offset = 1
    seconds.now += 1
    await until(lambda: stored() == 2 and consumer.told.fences == 1)
    consumer.loop.stop()
    await running
