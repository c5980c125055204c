"""The write path of one consumer, without Kafka."""

from collections.abc import Sequence

from taskmanager.application.changes import Changes
from taskmanager.application.commands import InboundMessage, Partition
from taskmanager.application.decide import Decision
from taskmanager.application.use_cases.apply_parked import ApplyParked
from taskmanager.application.use_cases.ingest_batch import IngestBatch, Ingested
from taskmanager.infrastructure.postgres.offset_store import PostgresOffsetStore
from taskmanager.infrastructure.postgres.session import Session
from taskmanager.infrastructure.postgres.task_store import PostgresTaskStore
from tests.builders import NOON
from tests.fakes.batches import batch_of, first_offsets, partition_of
from tests.fakes.clock import FixedClock
from tests.fakes.messages import report, request
from tests.scratch import ScratchDatabase


class Writer:
    """Ingests messages through a session."""

    def __init__(self, session: Session, slot: str) -> None:
        self.session = session
        self.store = PostgresTaskStore(session, slot)
        self.ingest = IngestBatch(self.store, FixedClock())
        self.sweep = ApplyParked(self.store, FixedClock())
        self.offsets = PostgresOffsetStore(session)

    async def register(self, messages: Sequence[InboundMessage]) -> dict[Partition, int]:
        """Makes the partitions of these messages known; answers where they stand."""
        stored = await self.offsets.register(first_offsets(messages))
        return {partition: offset for partition, (_, offset) in stored.items()}

    async def write(self, messages: Sequence[InboundMessage], starts: dict[Partition, int] | None = None) -> Ingested:
        """Writes a batch that begins at its first messages, or where it is told."""
        return await self.ingest.write(self.ingest.prepare(batch_of(messages, starts)))

    async def receive(self, messages: Sequence[InboundMessage]) -> Ingested:
        """Writes what of these messages is not written yet, as a consumer does after it has read the offsets."""
        starts = await self.register(messages)
        rest = [message for message in messages if message.offset >= starts[partition_of(message)]]
        return await self.write(rest, starts) if rest else Ingested()


async def pass_unseen(creator: Writer, reporter: Writer, task: str, offset: int = 0) -> None:
    """A report is parked while the task is being made by a transaction that has looked before."""
    batch = batch_of([request(id=task, offset=offset)])
    changes = Changes(NOON, batch.progress(NOON))
    async with creator.store.transaction() as transaction:
        snapshot = await transaction.load(batch.claims(), [task], [task])
        await reporter.write([report("completed", id=task, offset=offset)])
        Decision(snapshot, changes).decide(batch.messages, batch.commands)
        await transaction.commit(creator.store.serialise(changes))


def effects(database: ScratchDatabase) -> tuple[int, int, int]:
    """How many tasks, events and offsets are stored."""
    ((tasks, events, offsets),) = database.run(
        "select (select count(*) from web_crawl_tasks), (select count(*) from task_events),"
        " (select coalesce(sum(next_offset - first_offset), 0)::int from consumer_offsets)"
    )
    return tasks, events, offsets


# One row for each broken promise.
_BROKEN = """
select 'offsets', topic || '/' || partition from consumer_offsets
where first_offset + created + applied + heartbeat + duplicate + refused + parked + dead + skipped <> next_offset
union all
select 'versions', task_id::text from task_events
group by task_id having array_agg(version order by seq) <> (select array_agg(n) from generate_series(1, max(version)) n)
union all
select 'task', t.id::text from web_crawl_tasks t
where version <> (select count(*) from task_events e where e.task_id = t.id)
union all
select 'counter', status from (
    select status::text, 1 as n from web_crawl_tasks
    union all
    select status, -count from task_counters
) counted group by status having sum(n) <> 0
union all
select 'source', concat_ws('/', topic, partition, "offset") from (
    select source_topic as topic, source_partition as partition, source_offset as "offset" from task_events
    union all select source_topic, source_partition, source_offset from refused_reports
    union all select source_topic, source_partition, source_offset from parked_statuses
    union all select source_topic, source_partition, source_offset from dead_letters
) sources group by topic, partition, "offset" having count(*) > 1
union all
select 'accounting', 'all' where (
    select sum(created + applied + refused + parked + dead) from consumer_offsets
) <> (select count(*) from task_events) + (select count(*) from refused_reports) + (select count(*) from dead_letters)
    + (select count(*) from parked_statuses) + (select coalesce(sum(duplicate + heartbeat), 0) from unparked_counts)
"""


def broken_promises(database: ScratchDatabase) -> list[tuple[str, str]]:
    """Every way in which what is stored contradicts itself: kind, and where."""
    return database.run(_BROKEN)
