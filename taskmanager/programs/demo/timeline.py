"""Who sends what when: the gateway's requests and the workers' reports in one order."""

import heapq
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import count
from uuid import UUID, uuid5

from taskmanager.programs.demo.messages import ID_HEADERS, Message, Role
from taskmanager.programs.demo.workers import EARLY_BY, Report, reports

REMEMBERED_IDS = 100_000


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


def gateway_and_workers(requests: Iterable[Message], interval: float, seed: int) -> Iterator[Sending]:
    """The requests `interval` seconds apart, and among them what the workers report on those that carry an id.

    A request that is repeated is worked on once, as long as it is among the last 100,000 ids. Holds no more than the
    few seconds of reports that are due next, so that the requests may go on for ever.
    """
    due: list[tuple[float, int, Sending]] = []
    tie = count()
    known: OrderedDict[str, None] = OrderedDict()

    def schedule(sending: Sending) -> None:
        heapq.heappush(due, (sending.due, next(tie), sending))

    for number, request in enumerate(requests):
        now = number * interval
        task_id = request.task_id if request.role is Role.REQUESTS else None
        planned = reports(task_id, seed) if task_id is not None and task_id not in known else ()
        for report in planned:
            schedule(Sending(now + report.after, task_id, report))
        schedule(Sending(now + EARLY_BY if planned and planned[0].after < EARLY_BY else now, None, request))
        if task_id is not None:
            known[task_id] = None
            if len(known) > REMEMBERED_IDS:
                known.popitem(last=False)
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
