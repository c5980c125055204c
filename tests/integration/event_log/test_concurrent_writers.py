"""Many writers at once, each of which may change its mind: every committed event once, in order, while they write."""

import asyncio
import random
from collections.abc import Callable

from taskmanager.application.event_log import HighWaterReader
from taskmanager.infrastructure.postgres.event_log import PostgresEventLog
from tests.integration.event_log.writers import Writer, seqs
from tests.scratch import ScratchDatabase

_WRITERS = 4
_TRANSACTIONS = 120


def write(writer: Writer, seed: int) -> None:
    """Transactions of all kinds, one after the other."""
    choose = random.Random(seed)
    for _ in range(_TRANSACTIONS):
        for _ in range(choose.randint(1, 3)):
            choose.choice([writer.append, writer.append, lambda: writer.copy(choose.randint(1, 20))])()
        if choose.random() < 0.3:
            writer.run("savepoint here")
            writer.append()
            writer.run("rollback to savepoint here")
        if choose.random() < 0.2:
            writer.prepare()
        choose.choice([writer.commit, writer.commit, writer.roll_back])()


async def test_a_reader_misses_nothing_while_transactions_end_in_any_order(
    database: ScratchDatabase, log: PostgresEventLog, writer: Callable[[], Writer]
) -> None:
    seed = random.randrange(1 << 32)
    print(f"random seed {seed}")
    writing = [asyncio.create_task(asyncio.to_thread(write, writer(), seed + number)) for number in range(_WRITERS)]
    reader = HighWaterReader(log, 0, limit=37)
    delivered: list[int] = []

    async with asyncio.timeout(120):
        while True:
            is_last = all(task.done() for task in writing)
            came = await seqs(reader)
            delivered += came
            if is_last and not came:
                break
            if random.random() < 0.1:
                reader = HighWaterReader(log, reader.position, limit=37)
    await asyncio.gather(*writing)

    assert delivered == database.value("select array_agg(seq order by seq) from task_events")
    dead = database.value("select last_value from task_events_seq") - len(delivered)
    assert dead > _TRANSACTIONS / 2, "there were hardly any gaps to pass"
