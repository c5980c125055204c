"""The state machine of a task."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class TaskStatus(StrEnum):
    """Where a task stands; the value is what messages, REST and the database hold."""

    NEW = "new"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    ERROR = "error"
    CANCELLED = "cancelled"

    __hash__ = str.__hash__  # that of Enum is written in Python, and every report needs several

    @property
    def is_settled(self) -> bool:
        """True where only a retry or a deletion can still change the task."""
        return self in SETTLED

    def allows(self, target: "TaskStatus") -> bool:
        """Whether a task in this status may move to `target`."""
        return target in TRANSITIONS[self]


SETTLED = frozenset({TaskStatus.COMPLETED, TaskStatus.ERROR, TaskStatus.CANCELLED})

TRANSITIONS: Mapping[TaskStatus, frozenset[TaskStatus]] = MappingProxyType(
    {
        # A worker may finish a task whose start it never reported.
        TaskStatus.NEW: frozenset(
            {TaskStatus.IN_PROGRESS, TaskStatus.COMPLETED, TaskStatus.ERROR, TaskStatus.CANCELLED}
        ),
        # Back to new: a time-out with attempts left.
        TaskStatus.IN_PROGRESS: frozenset(
            {TaskStatus.COMPLETED, TaskStatus.ERROR, TaskStatus.CANCELLED, TaskStatus.NEW}
        ),
        TaskStatus.COMPLETED: frozenset(),
        TaskStatus.ERROR: frozenset({TaskStatus.NEW}),
        TaskStatus.CANCELLED: frozenset({TaskStatus.NEW}),
    }
)

# Names that messages may use beside the values themselves.
STATUS_NAMES: Mapping[str, TaskStatus] = MappingProxyType(
    {status.value: status for status in TaskStatus} | {"started": TaskStatus.IN_PROGRESS, "failed": TaskStatus.ERROR}
)
