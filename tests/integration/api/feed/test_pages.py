"""Pages of /api/events."""

import asyncio
import random
from collections.abc import Callable
from typing import Any

from aiohttp import ClientSession

from tests.integration.api.feed.writing import Writer
from tests.scratch import ScratchDatabase

ANN, BEN = "ann@example.com", "ben@example.com"


async def page(client: ClientSession, user: str | None = None, **query: Any) -> tuple[list[dict[str, Any]], int]:
    async with client.get("/api/events", params=query, headers={"X-User": user} if user else {}) as response:
        assert response.status == 200, await response.text()
        document = await response.json()
    return document["events"], document["next"]


async def seqs(client: ClientSession, user: str | None = None, **query: Any) -> list[int]:
    return [event["sequence"] for event in (await page(client, user, **query))[0]]


async def test_an_event_is_shown_with_all_that_is_known_of_it(
    events: ClientSession, writer: Callable[[], Writer], database: ScratchDatabase
) -> None:
    one = writer()
    task_id = one.create(ANN, '{"userEmail": "ann@example.com"}')
    one.commit()
    recorded = database.value("select to_json(recorded_at at time zone 'UTC')::text from task_events").strip('"')

    ((event,), _) = await page(events)
    for name in ("occurredAt", "recordedAt"):
        assert event.pop(name).removesuffix("Z").rstrip("0") == recorded.rstrip("0")
    assert event == {
        "sequence": 1, "eventId": f"{task_id}:1", "taskId": task_id, "type": "TaskCreated", "status": "new",
        "version": 1, "attempt": 1, "data": {"userEmail": "ann@example.com"}, "actor": "key:test",
        "correlationId": "c-1", "source": {"topic": "task-status", "partition": 3, "offset": 41},
        "traceId": "0af7651916cd43dd8448eb211c80319c",
    }  # fmt: skip


async def test_events_are_found_by_task_user_status_and_type(
    events: ClientSession, writer: Callable[[], Writer]
) -> None:
    one = writer()
    of_ann, of_ben = one.create(ANN), one.create(BEN)
    one.change(of_ann, "TaskStarted")
    one.change(of_ann, "TaskCompleted", '{"result": "x"}')
    one.change(of_ben, "TaskCancelled")
    one.change(of_ann, "TaskDeleted")
    one.commit()

    assert await seqs(events) == [1, 2, 3, 4, 5, 6]
    assert await seqs(events, taskId=of_ann) == [1, 3, 4, 6]
    assert await seqs(events, taskId=of_ann, after=3) == [4, 6]
    assert await seqs(events, taskId=of_ann, limit=2) == [1, 3]
    assert await seqs(events, userEmail=BEN) == [2, 5]
    assert await seqs(events, status="completed") == [4, 6]
    assert await seqs(events, status="completed", taskId=of_ann, type="TaskDeleted") == [6]
    assert await seqs(events, status=["new", "cancelled"]) == [1, 2, 5]
    assert await seqs(events, type=["TaskStarted", "TaskCancelled"], userEmail=ANN) == [3]
    assert (await page(events, taskId=of_ben, limit=1))[1] == 2
    assert (await page(events, taskId=of_ben))[1] == 6


async def test_a_bound_caller_sees_its_own_users_events_alone(
    events: ClientSession, writer: Callable[[], Writer]
) -> None:
    one = writer()
    one.create(ANN)
    of_ben = one.create(BEN)
    one.change(of_ben, "TaskCancelled")
    one.change(of_ben, "TaskDeleted")
    one.commit()

    assert await seqs(events, ANN) == [1]
    assert await seqs(events, BEN) == [2, 3, 4]
    assert await seqs(events, ANN, taskId=of_ben) == []
    assert await seqs(events, ANN, userEmail=BEN) == []
    assert await seqs(events, BEN, taskId=of_ben, status="cancelled") == [3, 4]


async def test_pages_end_before_they_get_too_large_and_lead_on(
    events: ClientSession, writer: Callable[[], Writer]
) -> None:
    one = writer()
    for _ in range(8):
        one.create(ANN, '"' + "".join(random.choices("0123456789abcdef", k=1 << 20)) + '"')
    one.commit()

    got, position, pages = [], 0, 0
    while found := (await page(events, after=position))[0]:
        got += [event["sequence"] for event in found]
        position, pages = found[-1]["sequence"], pages + 1

    assert got == list(range(1, 9))
    assert pages > 1


async def test_who_goes_on_from_page_to_page_misses_nothing_while_transactions_end_in_any_order(
    events: ClientSession, writer: Callable[[], Writer]
) -> None:
    seed = random.randrange(1 << 32)
    print(f"random seed {seed}")
    writers = [writer() for _ in range(3)]
    writing = [
        asyncio.create_task(asyncio.to_thread(one.many, 60, (ANN, BEN), random.Random(seed + number)))
        for number, one in enumerate(writers)
    ]
    position, got = 0, list[int]()
    while True:
        is_last = all(task.done() for task in writing)
        found, position = await page(events, after=position, limit=17)
        got += [event["sequence"] for event in found]
        if is_last and not found:
            break
    await asyncio.gather(*writing)

    assert got == sorted(seq for one in writers for seq in one.committed)


async def test_a_transaction_that_does_not_end_holds_back_what_comes_after_it_alone(
    events: ClientSession, writer: Callable[[], Writer]
) -> None:
    one, two = writer(), writer()
    one.create(ANN)
    one.commit()
    two.create(ANN)
    one.create(BEN)
    one.commit()

    assert (await seqs(events), (await page(events, BEN))[1]) == ([1], 1)
    two.roll_back()
    assert await seqs(events) == [1, 3]
