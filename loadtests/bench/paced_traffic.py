"""Tasks' lives at a steady rate: requests, starts and results mixed, each sent in its turn."""

from collections.abc import Mapping, Sequence
from time import monotonic, sleep
from typing import NamedTuple

from confluent_kafka import Producer

from loadtests.bench.traffic import Message, reports, requests, task_ids

_TICK_SECONDS = 0.005
# Between a request and the start of its task, and between that and the result: long enough to pass each other rarely.
_STEP_SECONDS = 0.5
_KINDS = 3
_FLUSH_SECONDS = 30.0


class Step(NamedTuple):
    """A message of a task's life, and the id of the event that it makes."""

    event_id: str
    is_request: bool
    message: Message


class Sent(NamedTuple):
    """When a message was handed to the producer, and how much later than its turn (seconds)."""

    at: float
    late: float


def lives(rate: int, seconds: float, seed: int) -> list[Step]:
    """What is sent in so many seconds: of every three messages a request, a start and a result of an earlier one."""
    count = round(rate * seconds)
    ids = task_ids(count, seed)
    all_reports = list(reports(ids))
    kinds = (
        list(requests(ids)),
        [message for message in all_reports if (b"in_progress" in message.headers[2])],
        [message for message in all_reports if (b"completed" in message.headers[2])],
    )
    lag = round(rate * _STEP_SECONDS / _KINDS)
    steps: list[Step] = []
    for turn in range(count):
        for kind, messages in enumerate(kinds):
            number = turn - kind * lag
            if number >= 0:
                steps.append(Step(f"{ids[number]}:{kind + 1}", kind == 0, messages[number]))
        if len(steps) >= count:
            break
    return steps[:count]


class PacedSender:
    """Sends steps at a rate (per second), a few every 5 ms; `sent` tells of each by its event's id."""

    def __init__(self, brokers: str, request_topic: str, status_topic: str) -> None:
        self._producer = Producer({"bootstrap.servers": brokers, "linger.ms": 5})
        self._topics = (status_topic, request_topic)
        self._sent: dict[str, Sent] = {}

    @property
    def sent(self) -> Mapping[str, Sent]:
        """What was sent so far."""
        return self._sent

    def send(self, steps: Sequence[Step], rate: int) -> None:
        """Returns when all are with the broker; raises `RuntimeError` if that takes too long."""
        began = monotonic()
        index = 0
        while index < len(steps):
            due = min(int((monotonic() - began) * rate) + 1, len(steps))
            for number in range(index, due):
                event_id, is_request, (key, value, headers) = steps[number]
                now = monotonic()
                self._sent[event_id] = Sent(now, now - began - number / rate)
                self._producer.produce(self._topics[is_request], key=key, value=value, headers=[*headers])
            index = due
            self._producer.poll(0)
            sleep(_TICK_SECONDS)
        if self._producer.flush(_FLUSH_SECONDS):
            raise RuntimeError("the broker did not take every message")
