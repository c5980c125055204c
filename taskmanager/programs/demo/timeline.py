"""Who sends what when: the gateway's requests, and the starts that are reported before them."""

import heapq
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import count
from uuid import UUID, uuid5

from taskmanager.programs.demo.messages import ID_HEADERS, Message, Role
from taskmanager.programs.demo.recent import Recent
from taskmanager.programs.demo.workers import EARLY_BY, Report, early_start


@dataclass(frozen=True, slots=True)
class Sending:
    """A message and when it is due, in seconds from the start; reports are made at the moment of sending."""

    due: float
    task_id: str | None
    content: Message | Report

    def message(self, now: datetime) -> Message:
        """What to give Kafka at `now`."""
        if isinstance(self.content, Message):
            return self.content
        return self.content.message(self.task_id or "", now)


def gateway(requests: Iterable[Message], interval: float) -> Iterator[Sending]:
    """The requests alone, `interval` seconds apart."""
    for number, message in enumerate(requests):
        yield Sending(number * interval, None, message)


def gateway_with_early_workers(
    requests: Iterable[Message], interval: float, seed: int, started: Recent
) -> Iterator[Sending]:
    """The requests `interval` seconds apart; some of those that carry an id are held back until a worker has begun.

    The ids of these are added to `started`, before the request is sent. A repeated request is not begun again. Holds no
    more than the requests of half a second, so that they may go on for ever.
    """
    due: list[tuple[float, int, Sending]] = []
    tie = count()
    known = Recent()

    def schedule(at: float, task_id: str | None, content: Message | Report) -> None:
        heapq.heappush(due, (at, next(tie), Sending(at, task_id, content)))

    for number, request in enumerate(requests):
        now = number * interval
        task_id = request.task_id if request.role is Role.REQUESTS else None
        early = early_start(task_id, seed) if task_id is not None and known.add(task_id) else None
        if early is not None:
            started.add(task_id)
            schedule(now, task_id, early)
        schedule(now + EARLY_BY if early is not None else now, None, request)
        while due and due[0][0] <= now:
            yield heapq.heappop(due)[2]
    while due:
        yield heapq.heappop(due)[2]


def endless(read: Callable[[], Iterable[Message]], namespace: UUID) -> Iterator[Message]:
    """The same requests again and again, in each round as new tasks: their ids are derived afresh from `namespace`."""
    for round_number in count():
        space = uuid5(namespace, str(round_number))
        for message in read():
            yield _renamed(message, space)


def _renamed(message: Message, space: UUID) -> Message:
    task_id = message.task_id
    if task_id is None:
        return message
    fresh = str(uuid5(space, task_id)).encode()
    headers = tuple((name, fresh if name in ID_HEADERS else value) for name, value in message.headers)
    return replace(message, key=fresh if message.key else None, headers=headers)
