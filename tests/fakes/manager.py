"""A manager on an in-memory store, and what became of the messages that it was given."""

from collections.abc import Sequence

from taskmanager.application.batch import Batch
from taskmanager.application.changes import Outcome
from taskmanager.application.commands import InboundMessage, Partition
from taskmanager.application.use_cases.apply_parked import ApplyParked
from taskmanager.application.use_cases.ingest_batch import IngestBatch, Ingested
from taskmanager.domain.task import WebCrawlTask
from tests.builders import task_id
from tests.fakes.batches import batch_of, first_offsets
from tests.fakes.clock import FixedClock
from tests.fakes.task_store import Contents, InMemoryTaskStore


class Manager:
    """Ingests messages, each batch where the one before ended."""

    def __init__(self, store: InMemoryTaskStore, clock: FixedClock) -> None:
        self.store = store
        self.clock = clock
        self._ingest = IngestBatch(store, clock)
        self.sweep = ApplyParked(store, clock)

    async def receive(self, *messages: InboundMessage) -> Ingested:
        """Ingests the messages as one batch."""
        await self.store.register(first_offsets(messages))
        starts = {partition: row.next_offset for partition, row in self.contents.offsets.items()}
        return await self.ingest(batch_of(messages, starts))

    async def ingest(self, batch: Batch) -> Ingested:
        """Ingests a batch."""
        return await self._ingest.write(self._ingest.prepare(batch))

    @property
    def contents(self) -> Contents:
        """What is stored."""
        return self.store.contents

    @property
    def task(self) -> WebCrawlTask:
        """Task 1."""
        return self.contents.tasks[task_id()]

    @property
    def history(self) -> list[str]:
        """The events of task 1."""
        return [type(event).__name__ for event, _ in self.contents.events if event.task_id == task_id()]

    def outcomes(self, partitions: Sequence[Partition] = ()) -> dict[Outcome, int]:
        """What the messages came to, all partitions together."""
        total: dict[Outcome, int] = {}
        for partition, row in self.contents.offsets.items():
            if not partitions or partition in partitions:
                for outcome, count in row.outcomes.items():
                    total[outcome] = total.get(outcome, 0) + count
        return total
