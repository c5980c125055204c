"""Sends messages to the topics and keeps count of what Kafka has taken."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import partial

from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka import Message as Delivery

from taskmanager.application.waiting import is_set_within
from taskmanager.programs.demo.messages import Message, Role
from taskmanager.programs.demo.progress import Partition
from taskmanager.programs.demo.timeline import Sending

_YIELD_EVERY = 200
_POLL_SECONDS = 0.005
_FAILURES_KEPT = 20


class Player:
    """Sends messages; each is counted in `handed`, and in `delivered` or `failed` when Kafka's word on it is known.

    All of it happens in the event loop, so that the counts agree at every moment. `announce` is told of each message
    before it is sent.
    """

    def __init__(self, brokers: str, topics: Mapping[Role, str], announce: Callable[[Message], None]) -> None:
        self._topics = topics
        self._announce = announce
        self._producer = Producer(
            {
                "bootstrap.servers": brokers,
                "client.id": "taskmanager-demo",
                # Exactly one copy of each message: the accounting counts them.
                "enable.idempotence": True,
                "linger.ms": 10,
                "message.timeout.ms": 60_000,
                # The topic decides what is too large, not the client.
                "message.max.bytes": 100_000_000,
                "queue.buffering.max.kbytes": 65_536,
                "log_level": 0,
            }
        )
        self.handed = 0
        self.delivered: Counter[Partition] = Counter()
        self.failures: list[str] = []
        self.failed = 0

    @property
    def sent(self) -> int:
        """How many messages Kafka has taken."""
        return self.delivered.total()

    @property
    def in_flight(self) -> int:
        """How many messages wait for Kafka's word."""
        return self.handed - self.sent - self.failed

    async def play(self, sendings: Iterable[Sending], *, paced: bool, stop: asyncio.Event) -> None:
        """Sends everything in order, each when it is due if `paced`, else as fast as can be; ends early on `stop`."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        for number, sending in enumerate(sendings, start=1):
            if paced:
                await self._wait(began + sending.due - loop.time(), stop)
            if stop.is_set():
                return
            await self.send(sending.message(datetime.now(UTC)))
            if number % _YIELD_EVERY == 0:
                self.poll()
                await asyncio.sleep(0)

    async def flush(self) -> None:
        """Waits until Kafka has taken, or refused, every message."""
        while self.in_flight:
            self.poll()
            await asyncio.sleep(_POLL_SECONDS)

    def poll(self) -> None:
        """Takes in what Kafka has said; does not wait."""
        self._producer.poll(0)

    async def _wait(self, seconds: float, stop: asyncio.Event) -> None:
        self.poll()
        if seconds <= 0:
            return
        await is_set_within(stop, seconds)

    async def send(self, message: Message) -> None:
        """Hands a message to the client, which sends it in the background; waits only while its queue is full."""
        self.handed += 1
        self._announce(message)
        while True:
            try:
                self._producer.produce(
                    self._topics[message.role],
                    message.value,
                    message.key,
                    headers=list(message.headers),
                    on_delivery=partial(self._settle, message.origin),
                )
            except BufferError:
                self.poll()
                await asyncio.sleep(_POLL_SECONDS)
            except KafkaException as error:
                self._fail(message.origin, error.args[0])
                return
            else:
                return

    def _settle(self, origin: str, error: KafkaError | None, delivery: Delivery) -> None:
        if error is None:
            self.delivered[delivery.topic() or "", delivery.partition() or 0] += 1
        else:
            self._fail(origin, error)

    def _fail(self, origin: str, error: KafkaError) -> None:
        self.failed += 1
        if len(self.failures) < _FAILURES_KEPT:
            self.failures.append(f"{origin}: Kafka did not take it: {error.str()}")
