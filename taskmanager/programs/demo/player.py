"""Sends messages to the topics and keeps count of what Kafka has taken."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import partial

from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka import Message as Delivery

from taskmanager.programs.demo.accounting import Partition
from taskmanager.programs.demo.messages import Message, Role
from taskmanager.programs.demo.timeline import Sending

_YIELD_EVERY = 200
_POLL_SECONDS = 0.1
_FAILURES_KEPT = 20


class Player:
    """Plays a timeline; every message it was given is in `delivered` or in `failed` once `flush` has returned."""

    def __init__(self, brokers: str, topics: Mapping[Role, str]) -> None:
        self._topics = topics
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
        self.delivered: Counter[Partition] = Counter()
        self.failures: list[str] = []
        self.failed = 0

    @property
    def sent(self) -> int:
        """How many messages Kafka has taken."""
        return self.delivered.total()

    async def play(self, sendings: Iterable[Sending], *, paced: bool, stop: asyncio.Event) -> None:
        """Sends everything in order, each when it is due if `paced`, else as fast as can be; ends early on `stop`."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        for number, sending in enumerate(sendings, start=1):
            if paced:
                await self._wait(began + sending.due - loop.time(), stop)
            if stop.is_set():
                return
            await self._send(sending.message(datetime.now(UTC)))
            if number % _YIELD_EVERY == 0:
                self._producer.poll(0)
                await asyncio.sleep(0)

    async def flush(self) -> None:
        """Waits until Kafka has taken, or refused, every message."""
        while await asyncio.to_thread(self._producer.flush, _POLL_SECONDS):
            continue

    async def _wait(self, seconds: float, stop: asyncio.Event) -> None:
        self._producer.poll(0)
        if seconds <= 0:
            return
        try:
            await asyncio.wait_for(stop.wait(), seconds)
        except TimeoutError:
            return

    async def _send(self, message: Message) -> None:
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
                await asyncio.to_thread(self._producer.poll, _POLL_SECONDS)
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
