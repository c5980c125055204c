"""/api/events over a log in memory."""

from collections.abc import AsyncIterator
from unittest.mock import Mock

import pytest
from aiohttp import ClientPayloadError
from aiohttp.test_utils import TestClient
from pytest_aiohttp.plugin import AiohttpClient

from taskmanager.api.rest.application import rest_application
from taskmanager.api.rest.endpoint import OpenGate
from taskmanager.api.rest.event_streams import EventStreams
from taskmanager.api.rest.events import EventController
from taskmanager.api.rest.routes import Controllers, routes
from taskmanager.api.rest.sse import frame
from taskmanager.application.feed.hub import EventHub
from taskmanager.application.feed.model import TaskFacts
from taskmanager.application.feed.ring import Ring
from taskmanager.application.use_cases.read_events import ReadEvents
from tests.builders import task_id
from tests.fakes.event_feed import BEN, CountedStreams, RemoteLog
from tests.fakes.event_log import InMemoryEventLog, logged
from tests.sse import EventStreamReader

STREAM = {"Accept": "text/event-stream"}


@pytest.fixture
def log() -> InMemoryEventLog:
    return InMemoryEventLog()


@pytest.fixture
def remote(log: InMemoryEventLog) -> RemoteLog:
    return RemoteLog(log, lambda: 0)


@pytest.fixture
def metrics() -> CountedStreams:
    return CountedStreams()


@pytest.fixture
async def streams(remote: RemoteLog, metrics: CountedStreams) -> AsyncIterator[EventStreams]:
    hub = EventHub(remote, remote, Ring(frame), metrics, listeners_max=2, heartbeat_seconds=0.05)
    streams = EventStreams(hub, stall_seconds=0.2)
    yield streams
    await streams.close()


@pytest.fixture
async def client(remote: RemoteLog, streams: EventStreams, aiohttp_client: AiohttpClient) -> TestClient:
    others = Controllers(*(Mock(name=name) for name in Controllers._fields))
    table = routes(others._replace(events=EventController(ReadEvents(remote), streams)))
    return await aiohttp_client(rest_application(table, OpenGate(), Mock(), request_timeout=0.1))


async def test_a_page_tells_where_to_go_on(client: TestClient, log: InMemoryEventLog) -> None:
    log.append(3)
    async with client.get("/api/events", params={"after": 1, "limit": 1}) as response:
        assert response.status == 200
        document = await response.json()

    assert document["next"] == 2
    (event,) = document["events"]
    assert event | {"occurredAt": "", "recordedAt": ""} == {
        "sequence": 2, "eventId": f"{task_id(2)}:1", "taskId": task_id(2), "type": "TaskStarted",
        "status": "in_progress", "version": 1, "attempt": 1, "occurredAt": "", "recordedAt": "", "data": {},
        "actor": None, "correlationId": None, "source": None, "traceId": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("query", "seqs"),
    [
        ("", [1, 2, 3]),
        (f"taskId={task_id(2).upper()}", [2]),
        ("userEmail=ben@EXAMPLE.com", [3]),
        ("status=new", [1]),
        ("status=new&status=in_progress", [1, 2]),
        ("type=TaskCreated&type=TaskDeleted", [1, 3]),
        ("status=completed&type=TaskDeleted", [3]),
        ("status=new&userEmail=ben@example.com", []),
    ],
)
async def test_events_are_filtered(
    client: TestClient, log: InMemoryEventLog, remote: RemoteLog, query: str, seqs: list[int]
) -> None:
    log.append(3)
    log.visible[1] = logged(1, type="TaskCreated")
    log.visible[3] = logged(3, type="TaskDeleted")
    remote.facts_of[task_id(3)] = TaskFacts(BEN, "completed")
    async with client.get(f"/api/events?{query}") as response:
        document = await response.json()

    assert [event["sequence"] for event in document["events"]] == seqs
    assert document["next"] == 3


@pytest.mark.parametrize(
    ("query", "headers", "status", "field"),
    [
        ("after=-1", {}, 400, "after"),
        (f"after={10**18}", {}, 400, "after"),
        ("after=1", {}, 422, "after"),
        ("", {"Accept": "text/event-stream", "Last-Event-ID": "1"}, 422, "after"),
        ("limit=501", {}, 400, "limit"),
        ("limit=0", {}, 400, "limit"),
        ("taskId=7", {}, 400, "taskId"),
        ("status=lost", {}, 400, "status[0]"),
        ("type=TaskMoved", {}, 400, "type[0]"),
        ("userEmail=nobody", {}, 422, "userEmail"),
        ("from=1", {}, 400, "from"),
        ("after=null", {}, 400, "after"),
        ("", {"Last-Event-ID": ""}, 400, "Last-Event-ID"),
        ("", {"Last-Event-ID": "-1"}, 400, "Last-Event-ID"),
        ("", {"Last-Event-ID": "1" * 19}, 400, "Last-Event-ID"),
        ("", {"Last-Event-ID": "seven"}, 400, "Last-Event-ID"),
    ],
)
async def test_what_cannot_be_meant_is_refused(
    client: TestClient, query: str, headers: dict[str, str], status: int, field: str
) -> None:
    async with client.get(f"/api/events?{query}", headers=headers) as response:
        assert response.status == status
        assert (await response.json())["field"] == field


async def test_a_stream_outlives_the_deadline_of_requests_and_shows_signs_of_life(
    client: TestClient, log: InMemoryEventLog
) -> None:
    log.append(4)
    async with client.get("/api/events", headers=STREAM) as response:
        assert (response.status, response.content_type) == (200, "text/event-stream")
        reader = EventStreamReader(response)
        async for block in reader.blocks():
            assert block is None
            if reader.comments.count("nothing yet") == 4:
                break
        assert (reader.last_id, reader.retry) == (4, 2000)
        log.append()
        assert [told.id for told in await reader.take(1)] == [5]


@pytest.mark.parametrize(
    ("query", "headers", "first"),
    [
        ("?after=2", {}, 3),
        ("?lastEventId=3", {}, 4),
        ("?after=1", {"Last-Event-ID": "3"}, 4),
        ("?after=1&lastEventId=2", {}, 3),
        ("", {"Last-Event-ID": "0"}, 1),
    ],
)
async def test_a_stream_resumes_where_it_is_told_to(
    client: TestClient, log: InMemoryEventLog, query: str, headers: dict[str, str], first: int
) -> None:
    log.append(5)
    async with client.get(f"/api/events{query}", headers=STREAM | headers) as response:
        told = await EventStreamReader(response).take(6 - first)

    assert [each.id for each in told] == list(range(first, 6))
    assert [each.data["sequence"] for each in told] == list(range(first, 6))
    assert {each.name for each in told} == {"TaskStarted"}


async def test_asking_for_the_head_of_a_stream_does_not_open_one(client: TestClient, metrics: CountedStreams) -> None:
    async with client.head("/api/events", headers=STREAM) as response:
        assert response.status == 200
    assert metrics.listeners == 0


async def test_more_streams_than_allowed_are_turned_away(client: TestClient) -> None:
    one, two, three = [await client.get("/api/events", headers=STREAM) for _ in range(3)]
    assert [one.status, two.status, three.status] == [200, 200, 503]
    assert three.headers["Retry-After"] == "1"
    one.close()
    two.close()


async def test_a_client_that_went_away_makes_room(client: TestClient, metrics: CountedStreams) -> None:
    async with client.get("/api/events", headers=STREAM) as response:
        assert metrics.listeners == 1
        response.close()
        await metrics.until(lambda: metrics.listeners == 0)

    assert metrics.reasons == []


async def test_without_a_database_no_stream_is_opened(client: TestClient, remote: RemoteLog) -> None:
    remote.is_away = True
    async with client.get("/api/events", headers=STREAM) as response:
        assert response.status == 503


async def test_streams_end_properly_when_the_service_stops(client: TestClient, streams: EventStreams) -> None:
    async with client.get("/api/events", headers=STREAM) as response:
        await streams.close()
        assert await EventStreamReader(response).take(1) == []
    async with client.get("/api/events", headers=STREAM) as response:
        assert response.status == 503


async def test_a_stream_ends_properly_after_its_time_so_that_its_token_is_looked_at_again(
    client: TestClient, streams: EventStreams, log: InMemoryEventLog, metrics: CountedStreams
) -> None:
    streams._lifetime_seconds = 0.2
    log.append(2)
    async with client.get("/api/events?after=0", headers=STREAM) as response:
        reader = EventStreamReader(response)
        assert [told.id async for told in reader] == [1, 2]
    assert (reader.last_id, metrics.reasons) == (2, [])


async def test_a_client_that_takes_nothing_is_cut_off(
    client: TestClient, log: InMemoryEventLog, metrics: CountedStreams
) -> None:
    log.append(200)
    for seq in log.visible:
        log.visible[seq] = logged(seq, data='"' + "x" * 100_000 + '"')
    async with client.get("/api/events?after=0", headers=STREAM) as response:
        # aiohttp reads no further than somebody takes.
        await metrics.until(lambda: metrics.reasons == ["stalled"])
        with pytest.raises(ClientPayloadError):
            await EventStreamReader(response).take(200)
