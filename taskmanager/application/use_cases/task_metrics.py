"""Counts the tasks of a window of time for dashboards."""

import math
from collections.abc import Mapping

from taskmanager.application.read_model import TaskFigures
from taskmanager.domain.errors import InvalidValue

DEFAULT_HOURS = 24.0
MAX_HOURS = 24.0 * 366 * 10


class CountTasks:
    """Answers how many tasks were created in the last hours, by their present status."""

    def __init__(self, figures: TaskFigures) -> None:
        self._figures = figures

    async def __call__(self, hours: str | None) -> tuple[float, Mapping[str, int]]:
        """The window in hours (`hours` as the caller wrote it; None means a day) and the counts.

        Raises `InvalidValue` where it is not a positive number of at most ten years, or a `StoreError`.
        """
        window = DEFAULT_HOURS if hours is None else _positive(hours)
        return window, await self._figures.created_within(window)


def _positive(text: str) -> float:
    try:
        hours = float(text)
    except ValueError:
        hours = math.nan
    if not 0 < hours <= MAX_HOURS:  # false for NaN as well
        raise InvalidValue("hours", f"must be a positive number of hours, at most {MAX_HOURS:g}")
    return hours
