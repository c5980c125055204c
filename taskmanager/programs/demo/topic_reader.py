"""Reads the topics as any listener would: committed messages, without a consumer group."""

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from operator import methodcaller
from typing import Any

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from taskmanager.application.commands import UNREADABLE_HEADERS, InboundMessage
from taskmanager.programs.demo.errors import DemoError
from taskmanager.programs.demo.progress import Partition

_WAIT_SECONDS = 0.05
_MOST = 500
# A call from C finds the error that the driver leaves behind for a name that is not UTF-8; one from Python may not.
_CALL_HEADERS = methodcaller("headers")


class TopicReader:
    """Hands out every message from the given offsets on, in order per partition, and knows how far it has come."""

    def __init__(self, brokers: str, offsets: Mapping[Partition, int]) -> None:
        self._positions = dict(offsets)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="demo-workers")
        self._consumer = Consumer(
            {
                "bootstrap.servers": brokers,
                "client.id": "taskmanager-demo-workers",
                "group.id": "taskmanager-demo-workers",  # the client insists on a name; nobody joins or commits
                "enable.auto.commit": False,
                "auto.offset.reset": "error",
                "isolation.level": "read_committed",
                # The end of a partition tells the position behind the marks of transactions, which are no messages.
                "enable.partition.eof": True,
                "fetch.error.backoff.ms": 100,
                "log_level": 0,
            }
        )
        self._consumer.assign([TopicPartition(topic, number, offset) for (topic, number), offset in offsets.items()])

    async def fetch(self) -> Sequence[InboundMessage]:
        """The next messages, none if there are none within a twentieth of a second; raises `DemoError`."""
        messages, positions = await asyncio.get_running_loop().run_in_executor(self._thread, self._fetch)
        # Not in the thread: nobody may believe that something was handed out which is only on its way.
        self._positions.update(positions)
        return messages

    async def close(self) -> None:
        """Leaves the brokers, after the fetch that is under way."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._consumer.close)
        self._thread.shutdown(wait=False)

    def reached(self, ends: Mapping[Partition, int]) -> bool:
        """Whether everything before these offsets was handed out."""
        return all(self._positions.get(partition, 0) >= end for partition, end in ends.items())

    def _fetch(self) -> tuple[list[InboundMessage], dict[Partition, int]]:
        # consume(n, t) waits all of t while fewer than n are there: wait for one, then take what has come already.
        fetched = self._consumer.consume(1, _WAIT_SECONDS)
        if fetched:
            fetched += self._consumer.consume(_MOST, 0)
        messages: list[InboundMessage] = []
        positions: dict[Partition, int] = {}
        for message in fetched:
            topic, partition, offset = message.topic() or "", message.partition() or 0, message.offset() or 0
            error = message.error()
            if error is None:
                messages.append(_inbound(message, topic, partition, offset))
                positions[topic, partition] = offset + 1
            elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - the driver's name of it
                positions[topic, partition] = offset
            elif error.fatal() or error.code() == KafkaError._AUTO_OFFSET_RESET:  # noqa: SLF001
                raise DemoError(f"{topic}[{partition}] cannot be read: {error.str()}; start again")
        return messages, positions


def _inbound(message: Message, topic: str, partition: int, offset: int) -> InboundMessage:
    headers: Any = None
    try:
        headers = _CALL_HEADERS(message)
    except (SystemError, UnicodeDecodeError):  # the former is how the driver tells the latter
        headers = UNREADABLE_HEADERS
    return InboundMessage(topic, partition, offset, message.timestamp()[1], message.key(), headers, message.value())
