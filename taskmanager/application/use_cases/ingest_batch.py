"""Gives every message of a batch its one effect, and moves the offsets, in one transaction."""

from collections import Counter

import msgspec

from taskmanager.application.batch import Batch
from taskmanager.application.changes import Changes, Outcome, PartitionProgress
from taskmanager.application.commands import CreateTask, Partition, Reject, ReportStatus
from taskmanager.application.dead_letters import DeadLetterReason
from taskmanager.application.decide import Decision
from taskmanager.application.ports import Clock, RowRefused, StoreConflict, StoreUnavailable, TaskStore
from taskmanager.domain.status import TaskStatus

_CONFLICTS_MAX = 20
# After a duplicate more are likely (a topic is being played again): look before writing for that many batches.
_CAUTIOUS_BATCHES = 16


class Ingested(msgspec.Struct):
    """What a batch came to: per partition, dead letters by topic and reason, seconds from start to end by status."""

    progress: dict[Partition, PartitionProgress] = msgspec.field(default_factory=dict)
    dead: Counter[tuple[str, DeadLetterReason]] = msgspec.field(default_factory=Counter)
    durations: dict[TaskStatus, list[float]] = msgspec.field(default_factory=dict)

    def add(self, changes: Changes) -> None:
        """Adds a transaction that was committed after those before."""
        for partition, moved in changes.progress.items():
            earlier = self.progress.get(partition)
            self.progress[partition] = moved if earlier is None else earlier.followed_by(moved)
        self.dead.update((message.topic, reject.reason) for message, reject in changes.dead)
        for status, seconds in changes.durations.items():
            self.durations.setdefault(status, []).extend(seconds)


class IngestBatch:
    """Writes batches one after another.

    Raises `Fenced` where the partitions belong to another owner by now and `StoreUnavailable` where it should be tried
    again; in both cases nothing of the batch (or of what is left of it after a refused row) was written.
    """

    def __init__(self, store: TaskStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._cautious = 0

    async def __call__(self, batch: Batch) -> Ingested:
        """Writes the batch whole; answers what its messages came to."""
        ingested = Ingested()
        await self._write_or_bisect(batch, ingested)
        return ingested

    async def _write_or_bisect(self, batch: Batch, ingested: Ingested) -> None:
        try:
            ingested.add(await self._write(batch))
        except RowRefused as refusal:
            if len(batch) > 1:
                for half in batch.halves():
                    await self._write_or_bisect(half, ingested)
                return
            reject = Reject(DeadLetterReason.REFUSED_BY_DATABASE, str(refusal), getattr(batch.commands[0], "id", None))
            ingested.add(await self._write(batch.replacing([reject])))

    async def _write(self, batch: Batch) -> Changes:
        for _ in range(_CONFLICTS_MAX):
            try:
                changes = await self._attempt(batch, look_first=self._cautious > 0)
            except StoreConflict:
                self._cautious = _CAUTIOUS_BATCHES
                continue
            if self._cautious and not any(Outcome.DUPLICATE in moved.outcomes for moved in changes.progress.values()):
                self._cautious -= 1
            return changes
        raise StoreUnavailable(f"gave up after {_CONFLICTS_MAX} conflicts with other writers")

    async def _attempt(self, batch: Batch, *, look_first: bool) -> Changes:
        created = {command.id for command in batch.commands if type(command) is CreateTask}
        reported = {command.id for command in batch.commands if type(command) is ReportStatus}
        # Most requests are new: insert without looking, and look only where that meets a task that is there.
        wanted = reported | created if look_first else reported - created
        now = self._clock.now()
        changes = Changes(now, batch.progress(now))
        async with self._store.transaction() as transaction:
            snapshot = await transaction.load(batch.claims(), sorted(wanted), sorted(reported | created))
            Decision(snapshot, changes).decide(batch.messages, batch.commands)
            await transaction.commit(changes)
        return changes
