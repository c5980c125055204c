"""Counts the tasks of a window of time for dashboards."""

from collections.abc import Mapping

from taskmanager.application.read_model import TaskFigures


class CountTasks:
    """Answers how many tasks were created in the last hours, by their present status."""

    def __init__(self, figures: TaskFigures) -> None:
        self._figures = figures

    async def __call__(self, hours: float) -> Mapping[str, int]:
        """The counts of a window of `hours` (> 0) up to now; may raise a `StoreError`."""
        return await self._figures.created_within(hours)
