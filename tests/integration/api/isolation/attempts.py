"""What each route is asked for by one user, of their own things and of another's."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from tests.integration.api.isolation.owners import Owner


class Attempt(NamedTuple):
    """A request and the status of its answer; `shows` must hold for the text of the answer."""

    path: str
    status: int
    body: object = None
    headers: Mapping[str, str] = {}
    shows: Callable[[str], Any] = lambda _: True


Attempts = Callable[[Owner, Owner], Sequence[Attempt]]
_IF_MATCH = {"If-Match": '"1"'}


def _task(me: Owner, other: Owner) -> list[Attempt]:
    own = me.tasks["done"]
    return [
        Attempt(f"/api/tasks/{own}", 200, shows=lambda text: own in text),
        Attempt(f"/api/tasks/{own}?asOf=1", 200, shows=lambda text: own in text),
        *(Attempt(f"/api/tasks/{task}", 404) for task in other.tasks.values()),
        *(Attempt(f"/api/tasks/{task}?asOf=1", 404) for task in other.tasks.values()),
    ]


def _create(me: Owner, other: Owner) -> list[Attempt]:
    key = {"Idempotency-Key": "the-same-for-both"}
    return [
        Attempt("/api/tasks", 201, me.task(), key),
        Attempt("/api/tasks", 201, me.task(userEmail=None), shows=lambda text: me.email in text),
        Attempt("/api/tasks", 403, me.task(userEmail=other.email)),
    ]


def _create_many(me: Owner, other: Owner) -> list[Attempt]:
    mixed = {"tasks": [me.task(), me.task(userEmail=other.email)]}
    return [
        Attempt("/api/tasks/batch", 201, {"tasks": [me.task(), me.task()]}, {"Idempotency-Key": "the-same-for-both"}),
        Attempt("/api/tasks/batch", 422, mixed),
        Attempt("/api/tasks/batch?partial=true", 200, mixed),
    ]


def _changes(action: str, own: str, status: int = 200) -> Attempts:
    def attempts(me: Owner, other: Owner) -> list[Attempt]:
        foreign = [f"/api/tasks/{task}{action}" for task in other.tasks.values()]
        return [
            *(Attempt(path, 404) for path in foreign),
            *(Attempt(path, 404, headers=_IF_MATCH) for path in foreign),
            *(Attempt(path, 404, headers={"Idempotency-Key": "the-same-for-both"}) for path in foreign[:1]),
            Attempt(f"/api/tasks/{me.tasks[own]}{action}", status),
        ]

    return attempts


def _report(me: Owner, other: Owner) -> list[Attempt]:
    reports: list[object] = [
        {"status": "in_progress", "worker": "w-2"},
        {"status": "completed", "result": "mine now"},
        {"status": "completed", "result": "ready"},
        {"status": "error", "error": "broken"},
    ]
    return [
        *(Attempt(f"/api/tasks/{task}/status", 404, report) for task in other.tasks.values() for report in reports),
        Attempt(f"/api/tasks/{other.tasks['new']}/status", 404, reports[0], _IF_MATCH),
        Attempt(f"/api/tasks/{me.tasks['new']}/status", 200, reports[0]),
    ]


def _events(me: Owner, other: Owner) -> list[Attempt]:
    def is_whole(text: str) -> bool:
        return all(task in text for task in me.tasks.values())

    return [
        Attempt("/api/events?limit=500", 200, shows=is_whole),
        Attempt("/api/events?after=0&status=new&status=completed", 200, shows=lambda text: me.tasks["new"] in text),
        Attempt(f"/api/events?userEmail={me.email}", 200, shows=is_whole),
        Attempt(f"/api/events?userEmail={other.email}", 200),
        *(Attempt(f"/api/events?taskId={task}", 200) for task in other.tasks.values()),
    ]


def _list(me: Owner, other: Owner) -> list[Attempt]:
    return [
        Attempt("/api/tasks", 200, shows=_lists(len(me.tasks))),
        Attempt("/api/tasks?sort=createdAt&limit=500", 200, shows=_lists(len(me.tasks))),
        Attempt(f"/api/tasks?q=about&userEmail={me.email}", 200, shows=_lists(len(me.tasks))),
        Attempt(f"/api/tasks?userEmail={other.email}", 200, shows=_lists(0)),
        Attempt(f"/api/tasks?host={other.word}.example", 200, shows=_lists(0)),
        Attempt(f"/api/tasks?q={other.word}", 200, shows=_lists(0)),
        Attempt(f"/api/tasks?metadata.team={other.word}", 200, shows=_lists(0)),
    ]


def _list_of_user(me: Owner, other: Owner) -> list[Attempt]:
    return [
        Attempt(f"/api/users/{me.email}/tasks", 200, shows=_lists(len(me.tasks))),
        Attempt(f"/api/users/{other.email}/tasks", 404),
    ]


def _statistics(me: Owner, other: Owner) -> list[Attempt]:
    return [Attempt("/api/tasks/statistics", 200, shows=_counts(len(me.tasks)))]


def _statistics_of_user(me: Owner, other: Owner) -> list[Attempt]:
    return [
        Attempt(f"/api/users/{me.email}/statistics", 200, shows=_counts(len(me.tasks))),
        Attempt(f"/api/users/{other.email}/statistics", 404),
    ]


def _trail(me: Owner, other: Owner) -> list[Attempt]:
    return [
        Attempt(f"/api/tasks/{me.tasks['done']}/events", 200, shows=_lists(3)),
        *(Attempt(f"/api/tasks/{task}/events", 404) for task in other.tasks.values()),
    ]


def _change_many(me: Owner, other: Owner) -> list[Attempt]:
    bulk = "/api/tasks/bulk"

    def order(dry_run: bool = True, **chosen: object) -> dict[str, object]:
        # What is new cannot be deleted: nothing changes while the other's attempts are made.
        return {"action": "delete", "filter": chosen | {"status": ["new"]}, "dryRun": dry_run}

    return [
        Attempt(bulk, 200, order(), shows=_matches(2)),
        Attempt(bulk, 200, order(userEmail=other.email), shows=_matches(0)),
        Attempt(bulk, 200, order(host=f"{other.word}.example"), shows=_matches(0)),
        Attempt(bulk, 200, order(metadata={"team": other.word}), shows=_matches(0)),
        Attempt(bulk, 200, order(ids=[*other.tasks.values()]), shows=_matches(0)),
        Attempt(
            bulk, 200, {"action": "cancel", "filter": {"all": True}, "dryRun": True}, shows=_matches(len(me.tasks))
        ),
        Attempt(bulk, 202, order(False, ids=[*me.tasks.values(), *other.tasks.values()])),
        Attempt(bulk, 202, {"action": "cancel", "filter": {"userEmail": other.email}}),
        Attempt(bulk, 202, {"action": "delete", "filter": {"ids": [*other.tasks.values()]}}),
    ]


def _operations(me: Owner, other: Owner) -> list[Attempt]:
    return [Attempt("/api/operations", 200, shows=lambda text: me.operation in text)]


def _operation(action: str) -> Attempts:
    def attempts(me: Owner, other: Owner) -> list[Attempt]:
        return [
            Attempt(f"/api/operations/{me.operation}{action}", 200),
            Attempt(f"/api/operations/{other.operation}{action}", 404),
        ]

    return attempts


def _matches(count: int) -> Callable[[str], bool]:
    return lambda text: bool(orjson.loads(text)["matched"] == count)


def _lists(count: int) -> Callable[[str], bool]:
    def shows(text: str) -> bool:
        page = orjson.loads(text)
        return len(page["items"]) == count and page["nextCursor"] is None

    return shows


def _counts(count: int) -> Callable[[str], bool]:
    return lambda text: bool(orjson.loads(text)["total"] == count)


ATTEMPTS: dict[str, Attempts] = {
    "listTasks": _list,
    "getStatistics": _statistics,
    "getTask": _task,
    "getTaskHistory": _trail,
    "listTasksOfUser": _list_of_user,
    "getStatisticsOfUser": _statistics_of_user,
    "createTask": _create,
    "createTasks": _create_many,
    "reportTaskStatus": _report,
    "cancelTask": _changes("/cancel", "running"),
    "retryTask": _changes("/retry", "failed"),
    "deleteTask": _changes("", "done", 204),
    "changeTasks": _change_many,
    "listOperations": _operations,
    "getOperation": _operation(""),
    "cancelOperation": _operation("/cancel"),
    "listEvents": _events,
}
"""By operation; every one that a bound token is allowed has to be here."""
