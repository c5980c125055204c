"""A consumer whose broker, database and clock are in memory."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from taskmanager.api.kafka.loop import ConsumerLoop
from taskmanager.application.commands import InboundMessage, Partition
from taskmanager.application.use_cases.ingest_batch import IngestBatch, Ingested, Prepared
from tests.fakes.clock import FixedClock
from tests.fakes.message_source import InMemoryMessageSource
from tests.fakes.messages import REQUESTS, STATUSES, TOPIC_IDS, codec
from tests.fakes.task_store import InMemoryTaskStore

_TURNS = 100_000

PARTITIONS = {Partition(topic, number): (TOPIC_IDS[topic], 0) for topic in (REQUESTS, STATUSES) for number in (0, 1)}


class Seconds:
    """A monotonic clock that stands still."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """The same again, until it is set."""
        return self.now


@dataclass
class Told:
    """Implements `LoopMetrics`: what was told."""

    batches: list[int] = field(default_factory=list)
    fences: int = 0
    sweeps: list[int] = field(default_factory=list)
    ignored_parts: list[tuple[int, int]] = field(default_factory=list)

    def batch_committed(self, ingested: Ingested, messages: int, seconds: float) -> None:
        """A batch."""
        self.batches.append(messages)

    def fenced(self) -> None:
        """A fence."""
        self.fences += 1

    def swept(self, applied: int) -> None:
        """A sweep."""
        self.sweeps.append(applied)

    def ignored(self, unknown_keys: int, bad_traces: int) -> None:
        """What was left out."""
        self.ignored_parts.append((unknown_keys, bad_traces))


class Beats:
    """Implements `Pulse`: how often it beat."""

    def __init__(self) -> None:
        self.count = 0

    def beat(self) -> None:
        """Once more."""
        self.count += 1


class Consumer:
    """A loop on fakes; `write` and `sweep` may be replaced before it runs.

    `partitions` are those that it owns; setting `changed` makes it ask for them again.
    """

    def __init__(self, messages: Sequence[InboundMessage], fetch_size: int) -> None:
        self.store = InMemoryTaskStore()
        self.source = InMemoryMessageSource(messages, fetch_size=fetch_size)
        self.told = Told()
        self.pulse = Beats()
        self.partitions = dict(PARTITIONS)
        self.changed = False
        self.offsets_read = 0
        self.ingest = IngestBatch(self.store, FixedClock())
        self.write: Callable[[Prepared], Awaitable[Ingested]] = self.ingest.write
        self.sweep: Callable[[Mapping[Partition, int]], Awaitable[int]] = self._nothing_parked
        self.loop: ConsumerLoop

    async def read_offsets(self) -> Mapping[Partition, int]:
        """The stored offsets."""
        self.offsets_read += 1
        self.changed = False
        stored = await self.store.register(self.partitions)
        return {partition: offset for partition, (_, offset) in stored.items()}

    def start(self) -> asyncio.Task[None]:
        """Lets the loop run."""
        self.loop = ConsumerLoop(
            self.source,
            codec(),
            self.ingest.prepare,
            self.write,
            self.sweep,
            self.read_offsets,
            lambda: self.changed,
            TOPIC_IDS,
            self.told,
            self.pulse,
        )
        return asyncio.create_task(self.loop.run())

    async def run_dry(self) -> None:
        """Runs until every message was fetched, then stops."""
        running = self.start()
        await self.source.drained.wait()
        self.loop.stop()
        await running

    @property
    def tasks(self) -> int:
        """How many tasks are stored."""
        return len(self.store.contents.tasks)

    async def _nothing_parked(self, written: Mapping[Partition, int]) -> int:
        return 0


async def until(condition: Callable[[], bool]) -> None:
    """Lets everything else have its turn until the condition holds; fails if it never does."""
    for _ in range(_TURNS):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError("it never came to that")


async def others_run(turns: int = 100) -> None:
    """Gives everything else the time to run as far ahead as it can."""
    for _ in range(turns):
        await asyncio.sleep(0)
