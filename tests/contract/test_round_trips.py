"""Whatever a message may hold comes back as it was."""

from uuid import uuid4

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from taskmanager.application.changes import Changes
from taskmanager.application.commands import CreateTask, InboundMessage, Reject, ReportStatus, Source
from taskmanager.application.dead_letters import DeadLetterReason
from taskmanager.domain.status import TaskStatus
from taskmanager.domain.task import WebCrawlTask
from taskmanager.domain.values import TaskId, TaskQuery
from tests.builders import at, request_content, task_id
from tests.contract.adapters import Adapter
from tests.fakes.batches import batch_of, first_offsets, numbered
from tests.fakes.messages import REQUESTS, STATUSES
from tests.fakes.poison import POISON

# The store is emptied by a new database for each test, not for each example: those use ids of their own.
_on_one_store = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
_STORABLE = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
_TEXT = st.text(_STORABLE, max_size=20) | st.text(st.sampled_from("\t\n\r\\N.\b\f\v\"'{}\u2028\x7f"), max_size=6)
_TIMES = st.datetimes(min_value=at(-(10**9)).replace(tzinfo=None), max_value=at(10**9).replace(tzinfo=None)).map(
    lambda time: time.replace(tzinfo=at(0).tzinfo)
)


@_on_one_store
@given(query=_TEXT, key=_TEXT, value=_TEXT, correlation=_TEXT, result=_TEXT, worker=_TEXT, time=_TIMES)
async def test_texts_of_a_task_and_its_events(
    adapter: Adapter, query: str, key: str, value: str, correlation: str, result: str, worker: str, time: object
) -> None:
    name = TaskId(str(uuid4()))
    content = request_content(user_query=str.__new__(TaskQuery, query or "q"), metadata={key: value})
    source = Source(REQUESTS, 0, 0)
    create = CreateTask(name, **content, at=time, source=source, actor=worker, correlation_id=correlation or None)  # type: ignore[arg-type]
    created = WebCrawlTask.request(id=name, **content, correlation_id=create.correlation_id, at=create.at, now=at(60))
    task = WebCrawlTask(created)
    started = task.start(at=create.at, now=at(60), worker=worker, progress=0.25)
    completed = task.complete(result=result, at=create.at, now=at(60))
    assert started is not None
    assert completed is not None
    changes = Changes(at(60), {})
    changes.created[name] = (created, create)
    for event in (started, completed):
        changes.recorded.append((event, ReportStatus(name, TaskStatus.COMPLETED, create.at, source)))
    changes.changed[name] = task
    async with adapter.store.transaction() as transaction:
        await transaction.load([], [], [])
        await transaction.commit(adapter.store.serialise(changes))

    held = adapter.held()
    row = held.tasks[name]
    assert (row["user_query"], row["metadata"], row["correlation_id"]) == (
        query or "q",
        {key: value},
        correlation or None,
    )
    assert (row["result"], row["worker"], row["received_at"], row["progress"]) == (result, worker, time, 0.25)
    events = [event["data"] for event in held.events if event["task_id"] == name]
    assert events == [
        {
            "userEmail": "reader@example.com",
            "userQuery": query or "q",
            "originalUrl": "https://example.com/contact",
            "metadata": {key: value},
        },
        {"worker": worker, "progress": 0.25},
        {"result": result},
    ]


_BYTES = st.none() | st.binary(max_size=30)


@_on_one_store
@given(
    key=_BYTES,
    value=_BYTES,
    headers=st.none() | st.lists(st.tuples(_TEXT, _BYTES), max_size=4),
    detail=_TEXT,
    timestamp_ms=st.none() | st.integers(-(10**12), 10**13),
)
async def test_a_dead_letter_holds_the_message_byte_for_byte(
    adapter: Adapter,
    key: bytes | None,
    value: bytes | None,
    headers: list[tuple[str, bytes | None]] | None,
    detail: str,
    timestamp_ms: int | None,
) -> None:
    message = InboundMessage(STATUSES, 7, 2**62, timestamp_ms, key, headers, value)
    changes = Changes(at(60), {})
    changes.dead.append((message, Reject(DeadLetterReason.INVALID_HEADER, detail, task_id())))
    async with adapter.store.transaction() as transaction:
        await transaction.load([], [], [])
        await transaction.commit(adapter.store.serialise(changes))

    assert adapter.held().dead[-1] == {
        "source": (STATUSES, 7, 2**62),
        "key": key,
        "value": value,
        "headers": headers or [],
        "timestamp_ms": timestamp_ms,
        "reason": "invalid_header",
        "detail": detail,
        "task_id": task_id(),
    }


async def test_every_poison_can_be_kept(adapter: Adapter) -> None:
    messages = numbered([message for _, message in POISON.values()])
    await adapter.offsets.register(first_offsets(messages))
    batch = batch_of(messages)
    changes = Changes(at(60), batch.progress(at(60)))
    changes.dead += [(message, command) for message, command in zip(messages, batch.commands, strict=True)]  # type: ignore[misc]
    async with adapter.store.transaction() as transaction:
        await transaction.load(batch.claims(), [], [])
        await transaction.commit(adapter.store.serialise(changes))

    kept = {letter["source"]: letter for letter in adapter.held().dead}
    assert len(kept) == len(POISON)
    for message, (reason, _) in zip(messages, POISON.values(), strict=True):
        letter = kept[message.topic, message.partition, message.offset]
        assert (letter["reason"], letter["key"], letter["value"]) == (reason.value, message.key, message.value)
        assert letter["headers"] == (message.headers or [])
