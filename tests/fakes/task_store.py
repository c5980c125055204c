"""`TaskStore` and `OffsetStore` in memory, with the promises that the write path builds on."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from copy import copy
from dataclasses import dataclass, field, replace
from datetime import datetime

from taskmanager.application.changes import Changes, Outcome
from taskmanager.application.commands import (
    CreateTask,
    InboundMessage,
    Partition,
    Reject,
    ReportStatus,
    Source,
    TimeOut,
)
from taskmanager.application.dead_letter_model import PastAction
from taskmanager.application.ports import (
    GIVEN_UP,
    Fenced,
    OffsetClaim,
    ParkedReport,
    RowRefused,
    Snapshot,
    StoreConflict,
    StoredOffset,
    StoreUnavailable,
)
from taskmanager.domain.errors import Refused
from taskmanager.domain.events import TaskEvent
from taskmanager.domain.state import outcome_digest
from taskmanager.domain.status import TaskStatus
from taskmanager.domain.task import WebCrawlTask

Step = Callable[[str], None]


@dataclass
class StoredPartition:
    """A row of the offsets."""

    topic_id: str
    first_offset: int
    next_offset: int
    outcomes: dict[Outcome, int] = field(default_factory=dict)
    ingested_at: datetime | None = None


@dataclass
class Contents:
    """Everything that is committed."""

    tasks: dict[str, WebCrawlTask] = field(default_factory=dict)
    events: list[tuple[TaskEvent, Source | None]] = field(default_factory=list)
    counts: dict[tuple[datetime, TaskStatus], int] = field(default_factory=dict)
    offsets: dict[Partition, StoredPartition] = field(default_factory=dict)
    dead: list[tuple[InboundMessage, Reject]] = field(default_factory=list)
    parked: list[ParkedReport] = field(default_factory=list)
    parked_ever: int = 0
    refused: list[tuple[CreateTask | ReportStatus, Refused]] = field(default_factory=list)
    unparked_counts: dict[Partition, dict[Outcome, int]] = field(default_factory=dict)
    dead_at: list[datetime] = field(default_factory=list)
    letter_actions: list[PastAction] = field(default_factory=list)

    def copy(self) -> "Contents":
        """The same contents, of which one copy may change."""
        return Contents(
            dict(self.tasks),
            list(self.events),
            dict(self.counts),
            {at: replace(row, outcomes=dict(row.outcomes)) for at, row in self.offsets.items()},
            list(self.dead),
            list(self.parked),
            self.parked_ever,
            list(self.refused),
            {at: dict(outcomes) for at, outcomes in self.unparked_counts.items()},
            list(self.dead_at),
            list(self.letter_actions),
        )


class InMemoryTaskStore:
    """Implements `TaskStore` and `OffsetStore`.

    `before` is called with "load" and "commit" before each takes effect, and may raise a `StoreError` or let another
    writer in between; `refuses` names the tasks whose rows are refused, as by a constraint, `held` those that another
    transaction has locked for longer than anybody waits.
    """

    def __init__(self) -> None:
        self.contents = Contents()
        self.before: Step = lambda step: None
        self.refuses: set[str] = set()
        self.held: set[str] = set()
        self.transactions = 0

    def serialise(self, changes: Changes) -> Changes:
        """See `TaskStore.serialise`."""
        return changes

    async def write_unseen(self, claims: Sequence[OffsetClaim], parked_ids: Sequence[str], serialised: Changes) -> bool:
        """See `TaskStore.write_unseen`."""
        async with self.transaction() as transaction:
            if (await transaction.load(claims, (), parked_ids)).parked:
                return False
            await transaction.commit(serialised)
        return True

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator["InMemoryTransaction"]:
        """See `TaskStore.transaction`."""
        self.transactions += 1
        yield InMemoryTransaction(self)

    async def tasks_with_parked_reports(self, after: int, limit: int) -> tuple[int | None, Sequence[str]]:
        """See `TaskStore.tasks_with_parked_reports`."""
        stretch = [parked for parked in self.contents.parked if parked.id > after][:limit]
        ids = {parked.report.id for parked in stretch}
        return (stretch[-1].id if stretch else None), sorted(ids & self.contents.tasks.keys())

    async def bury_parked(self, parked_id: int, reject: Reject, now: datetime) -> bool:
        """See `TaskStore.bury_parked`."""
        gone = [parked for parked in self.contents.parked if parked.id == parked_id]
        self.contents.parked = [parked for parked in self.contents.parked if parked.id != parked_id]
        for parked in gone:
            assert isinstance(parked.report.source, InboundMessage)
            self.contents.dead.append((parked.report.source, reject))
            self.contents.dead_at.append(now)
        return bool(gone)

    async def register(self, partitions: Mapping[Partition, tuple[str, int]]) -> Mapping[Partition, StoredOffset]:
        """See `OffsetStore.register`."""
        rows = self.contents.offsets
        for partition, (topic_id, first) in partitions.items():
            rows.setdefault(partition, StoredPartition(topic_id, first, first))
        return await self.read(list(partitions))

    async def read(self, partitions: Sequence[Partition]) -> Mapping[Partition, StoredOffset]:
        """See `OffsetStore.read`."""
        rows = self.contents.offsets
        return {at: StoredOffset(rows[at].topic_id, rows[at].next_offset) for at in partitions if at in rows}


class InMemoryTransaction:
    """Implements `WriteTransaction`; what another writer changes between load and commit is a conflict, not a wait."""

    def __init__(self, store: InMemoryTaskStore) -> None:
        self._store = store
        self._claims: Sequence[OffsetClaim] = ()
        self._versions: dict[str, int] = {}

    async def load(self, claims: Sequence[OffsetClaim], task_ids: Sequence[str], parked_ids: Sequence[str]) -> Snapshot:
        """See `WriteTransaction.load`."""
        self._store.before("load")
        if self._store.held.intersection(task_ids):
            raise StoreUnavailable("canceling statement due to lock timeout", GIVEN_UP)
        self._claims = claims
        contents = self._store.contents
        if not all(self._is_held(claim) for claim in claims):
            raise Fenced("another owner has moved the offset of a partition")
        parked: dict[str, list[ParkedReport]] = {}
        for report in contents.parked:
            if report.report.id in parked_ids:
                parked.setdefault(report.report.id, []).append(report)
        tasks = {task_id: _loaded(contents.tasks[task_id]) for task_id in task_ids if task_id in contents.tasks}
        self._versions = {task_id: task.version for task_id, task in tasks.items()}
        return Snapshot(tasks, parked)

    async def commit(self, serialised: Changes) -> None:
        """See `WriteTransaction.commit`."""
        self._store.before("commit")
        changes = serialised
        contents = self._store.contents.copy()
        is_overtaken = any(contents.tasks[task_id].version != version for task_id, version in self._versions.items())
        if is_overtaken or changes.created.keys() & contents.tasks.keys() or not all(map(self._is_held, self._claims)):
            raise StoreConflict("another writer was first")
        touched = changes.created.keys() | changes.changed.keys() | {report.id for report in changes.parked}
        if refused := touched & self._store.refuses:
            raise RowRefused(f"{len(refused)} rows break a rule")
        _write(changes, contents)
        self._store.contents = contents

    def _is_held(self, claim: OffsetClaim) -> bool:
        row = self._store.contents.offsets.get(Partition(claim.topic, claim.partition))
        return row is not None and (row.topic_id, row.next_offset) == (claim.topic_id, claim.start)


def _write(changes: Changes, contents: Contents) -> None:
    for created, command in changes.created.values():
        contents.tasks[created.task_id] = WebCrawlTask.replay([created])
        contents.events.append((created, source_of(command)))
    for event, report in changes.recorded:
        contents.events.append((event, source_of(report)))
    for task_id, task in changes.changed.items():
        kept = copy(task)
        if task.outcome is not None and task.result is None and task.error is None:
            kept.result, kept.error = contents.tasks[task_id].result, contents.tasks[task_id].error
            kept.outcome = None
        contents.tasks[task_id] = kept
    for key, count in changes.counts.items():
        contents.counts[key] = contents.counts.get(key, 0) + count
    contents.dead += changes.dead
    contents.dead_at += [changes.now] * len(changes.dead)
    contents.letter_actions += [PastAction(changes.now, action) for action in changes.letter_actions]
    contents.refused += changes.refused
    contents.parked = [parked for parked in contents.parked if parked.id not in changes.unparked]
    for report in changes.parked:
        contents.parked_ever += 1
        contents.parked.append(ParkedReport(contents.parked_ever, report))
    for partition, outcomes in changes.unparked_counts.items():
        _add(contents.unparked_counts.setdefault(partition, {}), outcomes)
    for partition, moved in changes.progress.items():
        row = contents.offsets[partition]
        row.next_offset = moved.next_offset
        row.ingested_at = max(filter(None, (row.ingested_at, moved.ingested_at)), default=None)
        _add(row.outcomes, moved.outcomes)


def source_of(command: CreateTask | ReportStatus | TimeOut) -> Source | None:
    """The position alone."""
    return None if command.source is None else Source(*command.source[:2], command.source.offset)


def _loaded(task: WebCrawlTask) -> WebCrawlTask:
    """A task comes without the texts of its result and error."""
    loaded = copy(task)
    text = loaded.result if loaded.error is None else loaded.error
    loaded.outcome = None if text is None else outcome_digest(text)
    loaded.result = loaded.error = None
    return loaded


def _add(counts: dict[Outcome, int], more: Mapping[Outcome, int]) -> None:
    for outcome, count in more.items():
        counts[outcome] = counts.get(outcome, 0) + count
