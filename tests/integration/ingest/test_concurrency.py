"""Several writers at once, each on a connection of its own."""

import asyncio
import random
from collections.abc import Callable, Sequence

import pytest

from taskmanager.application.commands import InboundMessage
from taskmanager.application.ports import Fenced
from taskmanager.application.use_cases.ingest_batch import Ingested
from tests.builders import task_id
from tests.fakes.batches import numbered, partition_of
from tests.fakes.messages import body, report, request
from tests.integration.ingest.writers import Writer, broken_promises, effects, pass_unseen
from tests.scratch import ScratchDatabase

_Make = Callable[..., Writer]


async def test_of_two_owners_one_writes_and_the_other_is_fenced(writer: _Make, database: ScratchDatabase) -> None:
    messages = numbered([request(id=task_id(number)) for number in range(50)])
    owners = [writer(), writer(), writer()]
    await owners[0].register(messages)
    outcomes = await asyncio.gather(*(owner.write(messages) for owner in owners), return_exceptions=True)

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Fenced", "Fenced", "Ingested"]
    assert effects(database) == (50, 50, 50)
    assert broken_promises(database) == []


async def test_a_claim_on_one_foreign_partition_voids_the_whole_batch(writer: _Make, database: ScratchDatabase) -> None:
    mine, theirs = request(partition=0), request(partition=1, id=task_id(2))
    owner, other = writer(), writer()
    await owner.register([mine, theirs])
    await other.write([theirs])
    with pytest.raises(Fenced):
        await owner.write([mine, theirs])

    assert effects(database) == (1, 1, 1)


async def test_the_same_requests_on_two_partitions_make_each_task_once(
    writer: _Make, database: ScratchDatabase
) -> None:
    ids = [task_id(number) for number in range(200)]
    one, other = writer(), writer()
    first = numbered([request(id=name) for name in ids])
    second = numbered([request(id=name, partition=1) for name in reversed(ids)])
    await one.register(first)
    await other.register(second)
    await asyncio.gather(one.write(first), other.write(second))

    assert effects(database) == (200, 200, 400)
    assert database.run("select sum(created)::int, sum(duplicate)::int from consumer_offsets") == [(200, 200)]
    assert broken_promises(database) == []


async def test_a_report_that_passes_its_task_unseen_is_swept_up_once(writer: _Make, database: ScratchDatabase) -> None:
    creator, reporter = writer(), writer()
    await creator.register([request(), report()])
    for number in range(20):
        await pass_unseen(creator, reporter, task_id(number), number)
    assert effects(database) == (20, 20, 40)
    swept = await asyncio.gather(creator.sweep(), reporter.sweep())

    assert sum(swept) == 20
    assert effects(database) == (20, 40, 40)
    assert database.value("select count(*) from parked_statuses") == 0
    assert broken_promises(database) == []


async def test_a_sweep_and_a_batch_apply_a_parked_report_once(writer: _Make, database: ScratchDatabase) -> None:
    creator, reporter, sweeper = writer(), writer(), writer()
    await creator.register([request(), report()])
    for number in range(20):
        await pass_unseen(creator, reporter, task_id(number), number)
    later = [report("completed", id=task_id(number), offset=20 + number) for number in range(20)]
    await asyncio.gather(reporter.write(later), sweeper.sweep())

    assert effects(database) == (20, 40, 60)
    assert broken_promises(database) == []


def _everything(seed: int) -> list[InboundMessage]:
    """Requests, equal and different ones, and reports on a few tasks, over four partitions of each topic."""
    drawn = random.Random(seed)
    kinds = [
        lambda name: request(id=name),
        lambda name: request(body(userQuery="other"), id=name),
        lambda name: report("started", id=name),
        lambda name: report("completed", {"result": str(drawn.randrange(2))}, id=name),
        lambda name: report("cancelled", id=name),
        lambda name: request(b"{", id=name),
    ]
    return numbered(
        [drawn.choice(kinds)(task_id(drawn.randrange(60)))._replace(partition=drawn.randrange(4)) for _ in range(1200)]
    )


async def _consume(consumer: Writer, messages: Sequence[InboundMessage], size: int) -> list[Ingested]:
    return [await consumer.receive(messages[low : low + size]) for low in range(0, len(messages), size)]


@pytest.mark.parametrize("seed", [1, 2])
async def test_whatever_four_writers_do_at_once_history_stays_whole(
    writer: _Make, database: ScratchDatabase, seed: int
) -> None:
    messages = _everything(seed)
    shares = [[message for message in messages if message.partition == number] for number in range(4)]
    consumers = [writer() for _ in shares]
    await consumers[0].register(messages)
    await asyncio.gather(
        *(_consume(consumer, share, 40) for consumer, share in zip(consumers, shares, strict=True)),
        *(_sweeps(writer(), 10) for _ in range(2)),
    )
    while await consumers[0].sweep():
        pass

    assert effects(database)[2] == len(messages)
    assert broken_promises(database) == []
    orphans = "select count(*) from parked_statuses p join web_crawl_tasks t on t.id = p.task_id"
    assert database.value(orphans) == 0
    assert {partition_of(message) for message in messages} == {
        tuple(row) for row in database.run("select topic, partition from consumer_offsets")
    }


async def _sweeps(sweeper: Writer, times: int) -> None:
    for _ in range(times):
        await sweeper.sweep()
