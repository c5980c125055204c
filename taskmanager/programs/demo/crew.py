"""The workers as a whole: they take up what the service announces and report when it is time."""

import heapq
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import count

from taskmanager.programs.demo.messages import Message
from taskmanager.programs.demo.published import Published
from taskmanager.programs.demo.recent import Recent
from taskmanager.programs.demo.workers import Report, reports

_BEGINS_AN_ATTEMPT = frozenset({"TaskCreated", "TaskRetried"})


class Crew:
    """Works once on every attempt that is announced, not before it may begin.

    Unless it is `paced` it does not take the time that the work would take. `started` are the ids of the tasks whose
    start was reported before the request was sent: it is not reported again.
    """

    def __init__(self, seed: int, started: Recent, *, paced: bool) -> None:
        self.retried = 0
        self._seed = seed
        self._started = started
        self._paced = paced
        self._taken = Recent()
        self._waiting: list[tuple[datetime, int, str, Report]] = []
        self._tie = count()

    @property
    def idle(self) -> bool:
        """Whether there is nothing left to report."""
        return not self._waiting

    def take(self, event: Published, now: datetime) -> None:
        """Plans the reports on the attempt that this event begins; any other event asks for nothing."""
        if event.type not in _BEGINS_AN_ATTEMPT or not self._taken.add((event.task_id, event.attempt)):
            return
        self.retried += event.type == "TaskRetried"
        plan = reports(event.task_id, self._seed, event.attempt)
        if event.attempt == 1 and event.task_id in self._started:
            plan = plan[1:]
        begin = max(now, event.not_before or now)
        for report in plan:
            due = begin + timedelta(seconds=report.after) if self._paced else begin
            heapq.heappush(self._waiting, (due, next(self._tie), event.task_id, report))

    def due(self, now: datetime) -> Iterator[Message]:
        """The reports whose time has come, in order."""
        while self._waiting and self._waiting[0][0] <= now:
            _, _, task_id, report = heapq.heappop(self._waiting)
            yield report.message(task_id, now)
