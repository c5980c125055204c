"""Commands of callers who wait for what comes of them, with the conditions under which they may take effect."""

from collections.abc import Collection

import msgspec

from taskmanager.application.commands import CreateTask, DeleteTask, ReportStatus, RetryTask
from taskmanager.application.read_model import TaskView
from taskmanager.domain.errors import RefusalReason
from taskmanager.domain.values import UserEmail


class Intent(msgspec.Struct, frozen=True, gc=False):
    """A command; with an `owner` it sees that user's tasks alone, with `versions` it minds one of these only."""

    command: CreateTask | ReportStatus | RetryTask | DeleteTask
    owner: UserEmail | None = None
    versions: Collection[int] | None = None


class Done(msgspec.Struct, frozen=True, gc=False):
    """The task as the command leaves it, also where it was so before."""

    task: TaskView


class Declined(msgspec.Struct, frozen=True, gc=False):
    """The state machine says no."""

    reason: RefusalReason
    detail: str


class Missing(msgspec.Struct, frozen=True, gc=False):
    """There is no such task for whoever asks: none, a deleted one, or somebody else's."""


class Outdated(msgspec.Struct, frozen=True, gc=False):
    """The task has another version than those that the caller minds."""

    version: int


Decided = Done | Declined | Missing | Outdated
"""What an intent comes to."""
