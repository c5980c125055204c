"""Gives every message of a batch its one effect, and moves the offsets, in one transaction."""

from collections import Counter
from datetime import timedelta
from typing import NamedTuple

import msgspec

from taskmanager.application.batch import Batch
from taskmanager.application.changes import Changes, Outcome, PartitionProgress
from taskmanager.application.commands import CreateTask, Partition, Reject, ReportStatus
from taskmanager.application.dead_letters import DeadLetterReason
from taskmanager.application.decide import Decision
from taskmanager.application.ports import (
    CONTENDED,
    Clock,
    RowRefused,
    Serialised,
    Snapshot,
    StoreConflict,
    StoreUnavailable,
    TaskStore,
)
from taskmanager.domain.status import TaskStatus

_CONFLICTS_MAX = 20
# After a duplicate more are likely (a topic is being played again): look before writing for that many batches.
_CAUTIOUS_BATCHES = 16
# What was prepared before an outage would be recorded with the time before it.
_FRESH = timedelta(seconds=5)


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


class Prepared(NamedTuple):
    """A batch with what could be done for it before its turn: changes that were decided without looking, if any."""

    batch: Batch
    changes: Changes | None = None
    serialised: Serialised | None = None


class IngestBatch:
    """Writes batches one after another; the next one can be prepared meanwhile.

    Most requests are new. A batch that has nothing else is decided upon without looking whether its tasks exist; only
    where the store then finds one that does, or a report that waits for one, is it decided again on what is there.
    """

    def __init__(self, store: TaskStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._cautious = 0

    def prepare(self, batch: Batch) -> Prepared:
        """Does what needs no store; not to be repeated for a batch that is written again."""
        if self._cautious or any(type(command) is ReportStatus for command in batch.commands):
            return Prepared(batch)
        changes = self._decide(batch, Snapshot({}, {}))
        return Prepared(batch, changes, self._store.serialise(changes))

    async def write(self, prepared: Prepared) -> Ingested:
        """Writes the batch whole and answers what its messages came to.

        Raises `Fenced` where the partitions belong to another owner by now and `StoreUnavailable` where it should be
        tried again; in both cases nothing of the batch (or of what is left of it after a refused row) was written.
        """
        ingested = Ingested()
        await self._write_or_bisect(prepared, ingested)
        return ingested

    async def _write_or_bisect(self, prepared: Prepared, ingested: Ingested) -> None:
        batch = prepared.batch
        try:
            ingested.add(await self._write(prepared))
        except RowRefused:
            if len(batch) > 1:
                for half in batch.halves():
                    await self._write_or_bisect(Prepared(half), ingested)
                return
            if not batch:
                raise  # It moves offsets alone, which no rule forbids.
            if any(type(command) is not Reject for command in batch.commands):
                try:
                    # What was parked for its task may be what is refused: that is left to the sweep.
                    ingested.add(await self._look_until_written(batch, with_parked=False))
                    return
                except RowRefused as alone:
                    refusal = alone
            reject = Reject(DeadLetterReason.REFUSED_BY_DATABASE, str(refusal), getattr(batch.commands[0], "id", None))
            ingested.add(await self._write(Prepared(batch.replacing([reject]))))

    async def _write(self, prepared: Prepared) -> Changes:
        batch, changes, serialised = prepared
        if changes is not None and serialised is not None and self._clock.now() - changes.now < _FRESH:
            try:
                if await self._store.write_unseen(batch.claims(), sorted(changes.created), serialised):
                    return changes
            except StoreConflict:
                self._cautious = _CAUTIOUS_BATCHES
        return await self._look_until_written(batch)

    async def _look_until_written(self, batch: Batch, *, with_parked: bool = True) -> Changes:
        for _ in range(_CONFLICTS_MAX):
            try:
                changes = await self._look_and_write(batch, with_parked=with_parked)
            except StoreConflict:
                continue
            if self._cautious and not any(Outcome.DUPLICATE in moved.outcomes for moved in changes.progress.values()):
                self._cautious -= 1
            return changes
        raise StoreUnavailable(f"gave up after {_CONFLICTS_MAX} conflicts with other writers", CONTENDED)

    async def _look_and_write(self, batch: Batch, *, with_parked: bool) -> Changes:
        task_ids = sorted({command.id for command in batch.commands if isinstance(command, CreateTask | ReportStatus)})
        async with self._store.transaction() as transaction:
            snapshot = await transaction.load(batch.claims(), task_ids, task_ids if with_parked else [])
            changes = self._decide(batch, snapshot)
            await transaction.commit(self._store.serialise(changes))
        return changes

    def _decide(self, batch: Batch, snapshot: Snapshot) -> Changes:
        now = self._clock.now()
        changes = Changes(now, batch.progress(now))
        Decision(snapshot, changes).decide(batch.messages, batch.commands)
        return changes
