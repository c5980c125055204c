"""A task must be what its events say."""

from collections.abc import Iterator, Mapping, Sequence
from operator import attrgetter
from typing import NamedTuple

from taskmanager.application.verification.findings import Finding, FindingKind
from taskmanager.domain.events import TaskEvent
from taskmanager.domain.task import WebCrawlTask

# What events alone decide, in the order in which a task is read.
DECIDED = (
    "status",
    "version",
    "attempt",
    "user_email",
    "user_query",
    "original_url",
    "metadata",
    "correlation_id",
    "received_at",
    "created_at",
    "updated_at",
    "attempt_started_at",
    "not_before",
    "started_at",
    "finished_at",
    "result",
    "error",
    "retryable",
    "deleted_at",
)
# What heartbeats move as well, which no event keeps.
RENEWED = ("last_heartbeat_at", "worker", "progress")

_decided = attrgetter(*DECIDED)
_renewed = attrgetter(*RENEWED)
_SHOWN_CHARACTERS = 80


class TaskHistory(NamedTuple):
    """A task as it is stored, and its events; `unreadable` says what is wrong with one that could not be read."""

    task_id: str
    decided: tuple[object, ...]
    renewed: tuple[object, ...]
    events: Sequence[TaskEvent]
    unreadable: str | None = None


def check_history(history: TaskHistory) -> Iterator[Finding]:
    """Replays a task's events and compares; answers each attribute that differs."""
    if history.unreadable is not None:
        yield Finding(FindingKind.UNREADABLE_EVENT, history.task_id, "an event of a known form", history.unreadable)
        return
    try:
        replayed = WebCrawlTask.replay(history.events)
    except ValueError as error:
        yield Finding(FindingKind.IMPOSSIBLE_HISTORY, history.task_id, "events that follow each other", str(error))
        return
    if _decided(replayed) != history.decided:
        for name, expected, found in zip(DECIDED, _decided(replayed), history.decided, strict=True):
            if expected != found:
                yield _differs(history.task_id, name, expected, found)
    if _renewed(replayed) != history.renewed:
        expected_values = dict(zip(RENEWED, _renewed(replayed), strict=True))
        yield from _check_renewed(history.task_id, expected_values, dict(zip(RENEWED, history.renewed, strict=True)))


def _check_renewed(task_id: str, expected: Mapping[str, object], found: Mapping[str, object]) -> Iterator[Finding]:
    """Heartbeats come only once a worker has started, move time forward, and never take a value away."""
    since, last = expected["last_heartbeat_at"], found["last_heartbeat_at"]
    for name in RENEWED:
        lost = found[name] is None and expected[name] is not None
        too_early = since is None and found[name] is not None
        if lost or too_early:
            yield _differs(task_id, name, expected[name], found[name])
    if since is not None and last is not None and last < since:  # type: ignore[operator]
        yield _differs(task_id, "last_heartbeat_at", f"not before {since}", last)


def _differs(task_id: str, name: str, expected: object, found: object) -> Finding:
    return Finding(FindingKind.TASK_CONTENT, task_id, f"{name} {_shown(expected)}", _shown(found))


def _shown(value: object) -> str:
    text = str(value)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}… ({len(text)} characters)"
