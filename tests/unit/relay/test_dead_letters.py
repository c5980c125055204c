"""Dead letters on their way to their topics."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from itertools import pairwise
from typing import Any

import pytest

from taskmanager.api.kafka.letters import encode_letter
from taskmanager.application.leadership import LeadershipLost
from taskmanager.application.outbound import PublishFailed
from taskmanager.application.ports import StoreUnavailable
from taskmanager.application.published_letters import LetterTopic, UnpublishedLetter
from taskmanager.application.use_cases import relay_dead_letters
from taskmanager.application.use_cases.relay_dead_letters import RelayDeadLetters
from taskmanager.infrastructure.kafka.letter_producer import LetterProducer
from tests.fakes.relay import InMemoryLetterPublisher, InMemoryOutbox, RecordingMetrics, letter
from tests.fakes.seconds import Seconds

Until = Callable[[Callable[[], object]], Any]
REQUESTS, STATUSES = LetterTopic("requests.dlq", 12, 1_000_000), LetterTopic("statuses.dlq", 12, 1_000_000)


class Post:
    """An outbox, topics, and the relay between them."""

    def __init__(self, outbox: InMemoryOutbox, *topics: LetterTopic, epoch: int = 1) -> None:
        self.outbox = outbox
        self.publisher = InMemoryLetterPublisher(*topics)
        self.metrics = RecordingMetrics()
        self.clock = Seconds()
        self.stopping = asyncio.Event()
        self.relay = RelayDeadLetters(
            outbox,
            self.publisher,
            encode_letter,
            lambda topic: f"{topic}.dlq",
            self.metrics,
            epoch=epoch,
            stopping=self.stopping,
            clock=self.clock,
        )

    @property
    def sent(self) -> list[tuple[str, bytes]]:
        return [(message.topic, message.key) for message in self.publisher.sent]  # type: ignore[misc]


async def test_letters_go_to_the_topic_of_their_source_and_are_settled() -> None:
    post = Post(InMemoryOutbox(letter(1), letter(2, topic="statuses"), letter(3)), REQUESTS, STATUSES)

    assert await post.relay.publish_some()
    assert post.sent == [("requests.dlq", b"key"), ("requests.dlq", b"key"), ("statuses.dlq", b"key")]
    assert post.outbox.waiting == {}
    assert post.metrics.letters == [("requests.dlq", 2), ("statuses.dlq", 1)]
    assert not await post.relay.publish_some()


async def test_a_missing_topic_holds_up_no_other_one() -> None:
    post = Post(InMemoryOutbox(letter(1), letter(2, topic="statuses")), STATUSES)

    assert await post.relay.publish_some()
    assert list(post.outbox.waiting) == [1]
    assert post.metrics.delays == ["missing_topic"]


async def test_a_topic_that_takes_nothing_is_left_alone_for_longer_and_longer() -> None:
    post = Post(InMemoryOutbox(letter(1)))
    tries = []
    for _ in range(4000):
        before = len(post.metrics.delays)
        await post.relay.publish_some()
        if len(post.metrics.delays) > before:
            tries.append(post.clock.now)
        post.clock.now += 0.5
    pauses = [after - before for before, after in pairwise(tries)]

    assert pauses[:3] == [1, 2, 4]
    assert pauses[-1] == 60


async def test_letters_leave_once_the_topic_is_there() -> None:
    post = Post(InMemoryOutbox(letter(1)))
    await post.relay.publish_some()
    post.publisher.topics = {REQUESTS.name: REQUESTS}
    assert not await post.relay.publish_some()
    post.clock.now += 1

    assert await post.relay.publish_some()
    assert post.outbox.waiting == {}


async def test_kafka_away_is_no_reason_to_end() -> None:
    post = Post(InMemoryOutbox(letter(1)), REQUESTS)
    post.publisher.failure = PublishFailed("away")

    assert not await post.relay.publish_some()
    assert (list(post.outbox.waiting), post.metrics.delays) == ([1], ["unavailable"])


async def test_only_what_has_arrived_is_settled() -> None:
    post = Post(InMemoryOutbox(letter(1), letter(2, key=b"bad"), letter(3)), REQUESTS)
    post.publisher.refusals = {b"bad": "refused"}

    assert await post.relay.publish_some()
    assert list(post.outbox.waiting) == [2]
    assert post.metrics.delays == ["refused"]


async def test_a_term_that_is_over_settles_nothing() -> None:
    post = Post(InMemoryOutbox(letter(1), epoch=2), REQUESTS, epoch=1)

    with pytest.raises(LeadershipLost):
        await post.relay.publish_some()
    assert list(post.outbox.waiting) == [1]


async def test_it_works_until_it_is_told_to_stop(until: Until) -> None:
    post = Post(InMemoryOutbox(letter(1)), REQUESTS)
    running = asyncio.create_task(post.relay.run())
    await until(lambda: post.sent and post.outbox.looks >= 2)
    post.stopping.set()
    async with asyncio.timeout(5):
        await running

    assert post.publisher.closed == 1


async def test_a_store_that_is_away_is_waited_for_longer_and_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    post = Post(InMemoryOutbox(letter(1)), REQUESTS)
    pauses: list[float] = []
    look, failures = post.outbox.unpublished, [StoreUnavailable("locked") for _ in range(8)]

    async def unpublished(limit: int, left_out: Collection[str]) -> Sequence[UnpublishedLetter]:
        if failures:
            raise failures.pop()
        return await look(limit, left_out)

    async def note(event: asyncio.Event, seconds: float) -> bool:
        pauses.append(seconds)
        if not post.outbox.waiting:
            event.set()
        return event.is_set()

    monkeypatch.setattr(post.outbox, "unpublished", unpublished)
    monkeypatch.setattr(relay_dead_letters, "is_set_within", note)
    async with asyncio.timeout(5):
        await post.relay.run()

    assert pauses == [2, 4, 8, 16, 32, 60, 60, 60, 1]
    assert post.metrics.delays == ["store"] * 8
    assert post.outbox.waiting == {}


async def test_who_steps_down_does_not_wait_for_letters_under_way(unused_tcp_port: int) -> None:
    producer = LetterProducer({"bootstrap.servers": f"127.0.0.1:{unused_tcp_port}"})
    relay = RelayDeadLetters(
        InMemoryOutbox(letter(1)),
        producer,
        encode_letter,
        lambda topic: f"{topic}.dlq",
        RecordingMetrics(),
        epoch=1,
        stopping=asyncio.Event(),
    )
    running = asyncio.create_task(relay.run())
    done, _ = await asyncio.wait([running], timeout=0.3)  # it is asking brokers that are not there
    assert not done
    running.cancel()
    async with asyncio.timeout(1):
        await asyncio.gather(running, return_exceptions=True)


class TestEncoding:
    """The message that carries a letter."""

    def test_it_is_as_it_was_with_the_reason_beside_it(self) -> None:
        headers = [("id", b"\xff\x00"), ("id", None), ("source", b"gateway")]
        message = encode_letter(letter(7, partition=3, key=b"\x00\xff", value=b"{\xfe", headers=headers), REQUESTS)

        assert (message.topic, message.partition) == ("requests.dlq", 3)
        assert (message.key, message.value) == (b"\x00\xff", b"{\xfe")
        assert message.headers == [
            *headers,
            ("dlq_id", "7"),
            ("dlq_reason", "malformed_json"),
            ("dlq_detail", "no JSON"),
            ("dlq_topic", "requests"),
            ("dlq_partition", "3"),
            ("dlq_offset", "7"),
            ("dlq_recorded_at", "2026-03-01T12:00:00+00:00"),
        ]

    def test_a_topic_with_fewer_partitions_leaves_it_to_the_key(self) -> None:
        assert encode_letter(letter(1, partition=12), REQUESTS).partition is None
        assert encode_letter(letter(1, partition=11), REQUESTS).partition == 11

    def test_a_message_without_key_and_value_stays_one(self) -> None:
        message = encode_letter(letter(1, key=None, value=None, headers=[]), REQUESTS)

        assert (message.key, message.value) == (None, None)

    @pytest.mark.parametrize(
        ("large", "omitted"),
        [
            ({"value": b"v" * 5000}, {"dlq_value_omitted"}),
            ({"headers": [("h", b"h" * 5000)]}, {"dlq_value_omitted", "dlq_headers_omitted"}),
            ({"key": b"k" * 5000}, {"dlq_value_omitted", "dlq_headers_omitted", "dlq_key_omitted"}),
        ],
    )
    def test_what_makes_it_too_large_is_left_out(self, large: dict[str, object], omitted: set[str]) -> None:
        message = encode_letter(letter(1, **large), REQUESTS._replace(message_max_bytes=1000))

        assert {name for name, _ in message.headers if name.endswith("_omitted")} == omitted
        assert message.value is None
        assert dict(message.headers)["dlq_reason"] == "malformed_json"


async def test_trouble_with_the_store_is_waited_for(until: Until, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay_dead_letters, "_LOOK_SECONDS", 0.001)
    post = Post(InMemoryOutbox(letter(1)), REQUESTS)
    unpublished = post.outbox.unpublished
    failures = [StoreUnavailable("a row is locked")] * 2

    async def failing(limit: int, without: Any) -> Any:
        if failures:
            raise failures.pop()
        return await unpublished(limit, without)

    monkeypatch.setattr(post.outbox, "unpublished", failing)
    running = asyncio.create_task(post.relay.run())
    await until(lambda: post.outbox.waiting == {})
    assert post.metrics.delays == ["store", "store"]
    post.stopping.set()
    await running
