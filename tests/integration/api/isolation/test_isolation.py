"""Of two users with tokens of their own, neither sees a trace of the other, nor changes anything, on any route."""

from collections.abc import AsyncIterator
from typing import NamedTuple
from unittest.mock import Mock

import orjson
import pytest

from taskmanager.api.rest.route import Route
from taskmanager.api.rest.routes import Controllers, routes
from taskmanager.application.principal import Permission
from taskmanager.config.settings import load_settings
from taskmanager.infrastructure.postgres.api_keys import PostgresKeyStore
from taskmanager.infrastructure.postgres.session import Session
from tests.integration.api.conftest import serving
from tests.scratch import ScratchDatabase

from .attempts import ATTEMPTS, Attempt
from .owners import Owner, new_owner, strangers, told

TABLE = routes(Controllers(*(Mock(name=name) for name in Controllers._fields)))
_FOR_UNBOUND = {Permission.OBSERVE, Permission.OPERATE}
_NEEDING_ATTEMPTS = [route for route in TABLE if route.permission not in _FOR_UNBOUND | {None}]


class Owners(NamedTuple):
    """Two of them on one service; what either does with `database` is seen there."""

    ann: Owner
    bob: Owner
    database: ScratchDatabase


@pytest.fixture
async def owners(environment: dict[str, str], database: ScratchDatabase) -> AsyncIterator[Owners]:
    session = Session(load_settings(database.environment).database.dsn_kwargs("test"), timeout=30)
    try:
        async with serving(environment | {"AUTH_MODE": "keys"}) as client:
            store = PostgresKeyStore(session)
            yield Owners(await new_owner("ann", store, client), await new_owner("bob", store, client), database)
    finally:
        await session.close()


def by_operation(route: Route) -> str:
    return route.operation_id


def test_every_route_that_a_bound_token_may_use_is_tried() -> None:
    assert {*ATTEMPTS} == {route.operation_id for route in _NEEDING_ATTEMPTS}


@pytest.mark.parametrize("route", _NEEDING_ATTEMPTS, ids=by_operation)
async def test_neither_sees_or_changes_what_is_the_others(owners: Owners, route: Route) -> None:
    for me, other in ((owners.ann, owners.bob), (owners.bob, owners.ann)):
        before = other.belongings(owners.database)
        attempts = ATTEMPTS[route.operation_id](me, other)
        for attempt in attempts:
            await _try(route.method, attempt, me, other)
        assert other.belongings(owners.database) == before
        assert any(attempt.status < 300 for attempt in attempts), "the route works for its owner"


async def _try(method: str, attempt: Attempt, me: Owner, other: Owner) -> None:
    status, text = await me.ask(method, attempt.path, attempt.body, attempt.headers)
    assert status == attempt.status, (attempt, text)
    assert attempt.shows(text), (attempt, text)
    asked = attempt.path + orjson.dumps(attempt.body).decode()
    shown = [mark for mark in other.marks if mark in text and mark not in asked]
    assert not shown, (attempt, text)
    # What is asked about the other is answered as if there were no such user and no such task.
    replaced = strangers(other)
    path, body = _instead(attempt.path, replaced), _instead(orjson.dumps(attempt.body).decode(), replaced)
    if path + body != asked:
        answer = await me.ask(method, path, orjson.loads(body), attempt.headers)
        assert (answer[0], told(answer[1], replaced)) == (status, told(text, replaced)), attempt


def _instead(text: str, replaced: dict[str, str]) -> str:
    for mark, other in replaced.items():
        text = text.replace(mark, other)
    return text


@pytest.mark.parametrize("route", [route for route in TABLE if route.permission in _FOR_UNBOUND], ids=by_operation)
async def test_what_concerns_all_users_is_not_for_bound_tokens_whatever_their_role(
    owners: Owners, route: Route
) -> None:
    path = route.path.format_map(dict.fromkeys(("id", "email"), "1"))
    status, text = await owners.ann.ask(route.method, path)
    assert status == 403, text
    assert not [mark for mark in owners.bob.marks if mark in text]


@pytest.mark.parametrize("route", [route for route in TABLE if route.permission is None], ids=by_operation)
async def test_what_is_open_to_all_tells_nothing_of_anybody(owners: Owners, route: Route) -> None:
    path = route.path.format_map({"file": "swagger-ui.css"})
    status, text = await owners.ann.ask(route.method, path)
    assert status == 200, text
    assert not [mark for mark in owners.ann.marks + owners.bob.marks if mark in text]


_PAGED = ["/api/tasks?", "/api/tasks?sort=createdAt&", "/api/tasks/{task}/events?", "/api/users/{email}/tasks?"]


@pytest.mark.parametrize("path", _PAGED)
async def test_a_cursor_leads_nobody_else_anywhere(owners: Owners, path: str) -> None:
    ann, bob = owners.ann, owners.bob
    theirs = path.format(task=bob.tasks["done"], email=bob.email)
    status, text = await bob.ask("GET", f"{theirs}limit=1")
    assert status == 200, text
    cursor = orjson.loads(text)["nextCursor"]
    assert (await bob.ask("GET", f"{theirs}limit=1&cursor={cursor}"))[0] == 200
    for asked in (theirs, path.format(task=ann.tasks["done"], email=ann.email)):
        status, text = await ann.ask("GET", f"{asked}limit=1&cursor={cursor}")
        assert status in {404, 422}, text
        assert not [mark for mark in bob.marks if mark in text and mark not in asked]


async def test_a_live_stream_holds_ones_own_events_alone(owners: Owners) -> None:
    async with owners.ann.listening("/api/events?after=0") as stream:
        for owner in (owners.bob, owners.ann):
            status, text = await owner.ask("POST", "/api/tasks", owner.task())
            assert status == 201, text
        seen = []
        async for event in stream:
            seen.append(event)
            if event.data["taskId"] == orjson.loads(text)["id"]:
                break
    assert {event.data["taskId"] for event in seen} > {*owners.ann.tasks.values()}
    assert not [mark for mark in owners.bob.marks if mark in str(seen)]
