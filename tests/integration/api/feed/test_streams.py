"""The live stream of /api/events."""

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress

from aiohttp import ClientError, ClientResponse, ClientSession

from taskmanager.config.settings import load_settings
from taskmanager.programs.api.application import ApiApplication
from taskmanager.programs.api.feed import EventFeed
from taskmanager.programs.factory import ApplicationFactory
from tests.integration.api.conftest import Line
from tests.integration.api.feed.writing import Writer
from tests.sse import EventStreamReader, Told

ANN, BEN = "ann@example.com", "ben@example.com"
STREAM = {"Accept": "text/event-stream"}


async def stream(client: ClientSession, query: str = "", **headers: str) -> ClientResponse:
    response = await client.get(f"/api/events{query}", headers=STREAM | headers)
    assert response.status == 200, await response.text()
    return response


class Follower:
    """Follows the stream, breaks off at any moment, even within an event, and comes back to where it was."""

    def __init__(self, client: ClientSession, choose: random.Random, **headers: str) -> None:
        self.told: list[Told] = []
        self._client = client
        self._choose = choose
        self._headers = headers

    async def follow(self, is_last: Callable[[int], bool]) -> None:
        """Until the event with the last number has come."""
        last_id = 0
        while not (self.told and is_last(self.told[-1].id)):
            async with await stream(self._client, **self._headers, **{"Last-Event-ID": str(last_id)}) as response:
                reader = EventStreamReader(response)
                try:
                    async with asyncio.timeout(self._choose.uniform(0.001, 0.3)):
                        async for told in reader:
                            self.told.append(told)
                            last_id = told.id
                except TimeoutError:
                    response.close()


async def test_it_resumes_exactly_while_transactions_end_in_any_order(
    events: ClientSession, writer: Callable[[], Writer]
) -> None:
    seed = random.randrange(1 << 32)
    print(f"random seed {seed}")
    writers = [writer() for _ in range(3)]
    writing = asyncio.gather(
        *(
            asyncio.to_thread(one.many, 60, (ANN, BEN), random.Random(seed + number))
            for number, one in enumerate(writers)
        )
    )
    everybody = Follower(events, random.Random(seed + 10))
    of_ann = Follower(events, random.Random(seed + 11), **{"X-User": ANN})
    of_ben = Follower(events, random.Random(seed + 12), **{"X-User": BEN})
    last: list[int] = []
    following = [asyncio.create_task(each.follow(lambda seq: seq in last)) for each in (everybody, of_ann, of_ben)]
    await writing
    ending = writers[0]
    for user in (ANN, BEN):
        ending.create(user)
    ending.commit()
    last += ending.committed[-2:]
    # Ann's is the last but one for whoever sees both.
    async with asyncio.timeout(60):
        await asyncio.gather(*following)

    committed = sorted(seq for one in writers for seq in one.committed)
    assert [told.id for told in everybody.told][: len(committed) - 1] == committed[:-1]
    task_ids = [{told.data["taskId"] for told in each.told} for each in (of_ann, of_ben)]
    assert not task_ids[0] & task_ids[1]
    assert sorted(told.id for each in (of_ann, of_ben) for told in each.told) == committed
    for each in (of_ann, of_ben):
        assert [told.id for told in each.told] == sorted(told.id for told in each.told)


async def test_filters_hold_for_what_was_missed_and_for_what_comes(
    events: ClientSession, writer: Callable[[], Writer]
) -> None:
    one = writer()
    of_ann, of_ben = one.create(ANN), one.create(BEN)
    one.commit()
    queries = {
        f"?after=0&taskId={of_ann}": [1, 3, 5],
        f"?after=0&userEmail={BEN}": [2, 4],
        "?after=0&type=TaskDeleted&type=TaskCreated": [1, 2, 5],
        "?after=0&status=cancelled": [3, 4, 5],
    }
    responses = {query: await stream(events, query) for query in queries}
    one.change(of_ann, "TaskCancelled")
    one.change(of_ben, "TaskCancelled")
    one.change(of_ann, "TaskDeleted")
    one.commit()

    async with asyncio.timeout(30):
        for query, seqs in queries.items():
            assert [told.id for told in await EventStreamReader(responses[query]).take(len(seqs))] == seqs
    for response in responses.values():
        response.close()


async def test_an_event_on_the_stream_is_what_a_page_shows(events: ClientSession, writer: Callable[[], Writer]) -> None:
    one = writer()
    async with await stream(events) as response:
        task_id = one.create(ANN, '{\n "worker": "w"\r\n}')
        one.change(task_id, "TaskStarted")
        one.commit()
        told = await EventStreamReader(response).take(2)
    async with events.get("/api/events") as response:
        assert [each.data for each in told] == (await response.json())["events"]
    assert [each.name for each in told] == ["TaskCreated", "TaskStarted"]


async def test_while_the_database_is_away_streams_stay_open_and_then_go_on(
    events: ClientSession, writer: Callable[[], Writer], database_line: Line
) -> None:
    one = writer()
    one.create(ANN)
    one.commit()
    async with await stream(events, "?after=0") as response:
        reader = EventStreamReader(response)
        assert [told.id for told in await reader.take(1)] == [1]
        await database_line.cut()
        async with events.get("/api/events") as page:
            assert page.status == 503
        for _ in range(3):
            one.create(ANN)
            one.commit()
        await database_line.mend()
        async with asyncio.timeout(60):
            assert [told.id for told in await reader.take(3)] == [2, 3, 4]


async def test_a_program_that_is_told_to_stop_ends_its_streams_at_once(
    environment: dict[str, str], writer: Callable[[], Writer]
) -> None:
    application = ApiApplication(
        ApplicationFactory(load_settings(environment | {"GRACEFUL_SHUTDOWN_TIMEOUT": "30"}), "api-00")
    )
    await application.start()
    async with ClientSession(f"http://127.0.0.1:{environment['APP_PORT']}") as client:
        responses = [await stream(client) for _ in range(5)]
        one = writer()
        one.create(ANN)
        one.commit()
        readers = [EventStreamReader(response) for response in responses]
        assert [[told.id for told in await reader.take(1)] for reader in readers] == [[1]] * 5
        async with asyncio.timeout(5):
            await application.stop()
        assert [await reader.take(1) for reader in readers] == [[]] * 5


async def test_a_stopping_program_does_not_wait_for_a_client_that_takes_nothing(
    feed: EventFeed, events: ClientSession, writer: Callable[[], Writer]
) -> None:
    one = writer()
    for _ in range(60):
        one.create(ANN, '"' + "x" * 200_000 + '"')
    one.commit()
    async with await stream(events, "?after=0") as stuck:
        ((subscription, request),) = feed._streams._open.items()
        positions: list[int] = []
        async with asyncio.timeout(30):
            while not (request.protocol.writing_paused and positions[-20:] == [subscription.position] * 20):
                positions.append(subscription.position)
                (await events.get("/api/events?limit=1")).close()
        async with asyncio.timeout(5):
            await feed.drain()
        # What lies in the sockets' buffers still arrives, and then either the end or the loss of the connection.
        arrived: list[object] = []
        with suppress(ClientError):
            arrived += await EventStreamReader(stuck).take(60)
        assert len(arrived) < 60


async def test_a_listener_that_stalls_is_dropped_and_others_go_on(
    factory: ApplicationFactory, events: ClientSession, writer: Callable[[], Writer]
) -> None:
    one = writer()
    value = factory.registry.get_sample_value
    async with await stream(events) as quick, await stream(events) as slow:
        reader = EventStreamReader(quick)
        count = 0

        def dropped() -> float:
            reasons = ("stalled", "behind")
            return sum(value("event_stream_listeners_dropped_total", {"reason": reason}) or 0 for reason in reasons)

        async with asyncio.timeout(60):
            while not dropped():
                one.create(ANN, '"' + "x" * 500_000 + '"')
                one.commit()
                count += 1
                assert [told.id for told in await reader.take(1)] == [count]
        with suppress(ClientError):
            await EventStreamReader(slow).take(count)
            raise AssertionError("it got everything")
        assert value("event_stream_listeners") == 1
