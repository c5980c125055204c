"""Whatever comes in whatever batches: every message has one effect, and history does not depend on the batches."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from taskmanager.application.changes import Outcome
from taskmanager.application.commands import InboundMessage, Partition, Source
from taskmanager.application.use_cases.ingest_batch import Ingested
from taskmanager.domain.status import TaskStatus
from taskmanager.domain.task import WebCrawlTask
from tests.builders import state_of, task_id
from tests.fakes.batches import batch_of, first_offsets, partition_of
from tests.fakes.clock import FixedClock
from tests.fakes.manager import Manager
from tests.fakes.messages import body, report, request
from tests.fakes.task_store import Contents, InMemoryTaskStore, source_of

_OWN = {"source": "task-manager", "event_id": "1", "event_type": "TaskCompleted"}
_OF_HEARTBEATS = {"last_heartbeat_at", "progress", "worker"}
_KINDS = {
    "request": lambda name: request(id=name),
    "other request": lambda name: request(body(userQuery="other"), id=name),
    "started": lambda name: report("started", id=name),
    "progress": lambda name: report("started", {"progress": 0.5}, id=name),
    "completed": lambda name: report("completed", id=name),
    "otherwise completed": lambda name: report("completed", {"result": "other"}, id=name),
    "failed": lambda name: report("failed", {"error": "e"}, id=name),
    "cancelled": lambda name: report("cancelled", id=name),
    "of another attempt": lambda name: report("completed", id=name, headers={"attempt": "2"}),
    "request without an id": lambda name: request(id=None),
    "poison": lambda name: report("completed", b"{", id=name),
    "own event": lambda name: report("completed", id=name, headers=_OWN),
}


@dataclass(frozen=True)
class Sent:
    """A message, how many offsets before it hold none, and whether a batch (and then a sweep) ends behind it."""

    kind: str
    task: int
    partition: int
    gap: int
    ends_batch: bool
    then_sweeps: bool


_SENT = st.lists(
    st.builds(
        Sent,
        st.sampled_from(list(_KINDS)),
        st.integers(1, 3),
        st.integers(0, 1),
        st.sampled_from([0, 0, 0, 1, 3]),
        st.booleans(),
        st.booleans(),
    ),
    min_size=1,
    max_size=25,
)


def _messages(sent: Sequence[Sent]) -> list[InboundMessage]:
    ends: dict[Partition, int] = {}
    messages = []
    for item in sent:
        message = _KINDS[item.kind](task_id(item.task))._replace(partition=item.partition)
        partition = partition_of(message)
        offset = ends.get(partition, 0) + item.gap
        ends[partition] = offset + 1
        messages.append(message._replace(offset=offset))
    return messages


def _run(messages: Sequence[InboundMessage], ends: Sequence[bool], sweeps: Sequence[bool]) -> tuple[Contents, Ingested]:
    """What is stored after these messages in these batches, and what the batches told."""

    async def run() -> tuple[Contents, Ingested]:
        manager = Manager(InMemoryTaskStore(), FixedClock())
        await manager.store.register(first_offsets(messages))
        told = Ingested()
        batch: list[InboundMessage] = []
        for message, ends_batch, then_sweeps in zip(messages, ends, sweeps, strict=True):
            batch.append(message)
            if ends_batch or message is messages[-1]:
                starts = {partition: row.next_offset for partition, row in manager.contents.offsets.items()}
                for partition, moved in (await manager.ingest(batch_of(batch, starts))).progress.items():
                    earlier = told.progress.get(partition)
                    told.progress[partition] = earlier.followed_by(moved) if earlier else moved
                batch = []
            if then_sweeps:
                await manager.sweep()
        return manager.contents, told

    return asyncio.run(run())


def _history(contents: Contents) -> dict[str, list[Any]]:
    history: dict[str, list[Any]] = {}
    for event, source in contents.events:
        history.setdefault(event.task_id, []).append((event, source))
    return history


def _without_heartbeats(task: WebCrawlTask) -> dict[str, Any]:
    return {name: value for name, value in state_of(task).items() if name not in _OF_HEARTBEATS}


def _rows(contents: Contents) -> list[Source | None]:
    """The positions of everything that left a row."""
    return [
        *(source for _, source in contents.events),
        *(source_of(command) for command, _ in contents.refused),
        *(source_of(parked.report) for parked in contents.parked),
        *(Source(message.topic, message.partition, message.offset) for message, _ in contents.dead),
    ]


@given(_SENT)
def test_every_message_has_exactly_one_effect(sent: list[Sent]) -> None:
    messages = _messages(sent)
    contents, told = _run(messages, [item.ends_batch for item in sent], [item.then_sweeps for item in sent])

    for partition, row in contents.offsets.items():
        own = [message for message in messages if partition_of(message) == partition]
        assert row.next_offset == own[-1].offset + 1
        assert row.first_offset + sum(row.outcomes.values()) == row.next_offset
        assert told.progress[partition].outcomes == row.outcomes
    rows = _rows(contents)
    assert len(set(rows)) == len(rows)
    assert set(rows) <= {Source(message.topic, message.partition, message.offset) for message in messages}
    total: Counter[Outcome] = sum((Counter(row.outcomes) for row in contents.offsets.values()), Counter())
    without_row = total[Outcome.DUPLICATE] + total[Outcome.HEARTBEAT] + total[Outcome.SKIPPED]
    unparked = sum(sum(counts.values()) for counts in contents.unparked_counts.values())
    assert len(rows) + without_row + unparked == sum(row.next_offset for row in contents.offsets.values())


@given(_SENT)
def test_tasks_and_counters_are_what_their_events_say(sent: list[Sent]) -> None:
    contents, _ = _run(_messages(sent), [item.ends_batch for item in sent], [item.then_sweeps for item in sent])
    history = _history(contents)

    assert history.keys() == contents.tasks.keys()
    for name, events in history.items():
        replayed = WebCrawlTask.replay(event for event, _ in events)
        assert _without_heartbeats(replayed) == _without_heartbeats(contents.tasks[name])
    counts: Counter[TaskStatus] = Counter()
    for (_, status), count in contents.counts.items():
        counts[status] += count
    assert +counts == Counter(task.status for task in contents.tasks.values())
    assert {parked.report.id for parked in contents.parked}.isdisjoint(contents.tasks)


@given(_SENT, st.lists(st.booleans(), min_size=25, max_size=25), st.lists(st.booleans(), min_size=25, max_size=25))
def test_history_does_not_depend_on_where_batches_end(
    sent: list[Sent], other_ends: list[bool], other_sweeps: list[bool]
) -> None:
    messages = _messages(sent)
    one, _ = _run(messages, [item.ends_batch for item in sent], [item.then_sweeps for item in sent])
    other, _ = _run(messages, other_ends[: len(messages)], other_sweeps[: len(messages)])

    assert _history(one) == _history(other)
    assert {name: state_of(task) for name, task in one.tasks.items()} == {
        name: state_of(task) for name, task in other.tasks.items()
    }
    assert Counter(map(repr, one.dead)) == Counter(map(repr, other.dead))
    assert {(source_of(command), refusal.reason) for command, refusal in one.refused} == {
        (source_of(command), refusal.reason) for command, refusal in other.refused
    }
    assert {source_of(parked.report) for parked in one.parked} == {source_of(parked.report) for parked in other.parked}
