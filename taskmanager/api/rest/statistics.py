"""/api/tasks/statistics and /api/users/{email}/statistics"""

from aiohttp import web

from taskmanager.api.rest.answers import answer
from taskmanager.api.rest.call import Call
from taskmanager.api.rest.metrics import HoursQuery
from taskmanager.api.rest.task_lists import visible_user
from taskmanager.application.use_cases.reading.compute_statistics import ComputeStatistics


class StatisticsController:
    """Figures of tasks."""

    def __init__(self, compute: ComputeStatistics) -> None:
        self._compute = compute

    async def all(self, call: Call[HoursQuery, None]) -> web.StreamResponse:
        """Tasks created in the last `hours` by status, how long they took, and how many there are a second.

        Of all tasks, or for a caller who is bound to a user of that user's. Durations are those of the youngest tasks
        of each status, `sampleSize` in number.
        """
        return answer(await self._compute(call.query.hours, call.principal.user_email))

    async def of_user(self, call: Call[HoursQuery, None]) -> web.StreamResponse:
        """The same of one user's tasks; 404 for a caller who is bound to another user."""
        return answer(await self._compute(call.query.hours, visible_user(call)))
