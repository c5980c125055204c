"""Who passes the gate, over HTTP, and what whoever does not is told."""

from collections.abc import Callable
from typing import Any

import pytest
import structlog
from aiohttp.test_utils import TestClient
from pytest_aiohttp.plugin import AiohttpClient
from structlog.testing import CapturingLogger, LogCapture

from taskmanager.api.rest.addresses import ClientAddresses
from taskmanager.api.rest.answers import answer
from taskmanager.api.rest.application import rest_application
from taskmanager.api.rest.audit import Audit, masked
from taskmanager.api.rest.call import Call
from taskmanager.api.rest.gate import TokenGate
from taskmanager.api.rest.rate_limits import TokenBuckets
from taskmanager.api.rest.route import Route
from taskmanager.application.access import Access, AccessUnavailable, Admission, NotAdmitted, Refusal
from taskmanager.application.ports import StoreUnavailable
from taskmanager.application.principal import Permission, Principal, Role
from taskmanager.domain.values import UserEmail
from tests.fakes.seconds import Seconds

_ANN = UserEmail("ann@example.com")


class Tokens:
    """An authenticator whose tokens are the names of roles, or of refusals."""

    def __init__(self) -> None:
        self.failure: Exception | None = None

    def takes(self, token: str) -> bool:
        return True

    async def authenticate(self, token: str) -> Admission:
        if self.failure is not None:
            raise self.failure
        if token in list(Refusal):
            raise NotAdmitted(Refusal(token), "key:0123456789")
        role, _, bound = token.partition("-")
        if role not in list(Role):
            raise NotAdmitted(Refusal.UNKNOWN)
        return Admission(Principal(f"key:{token}", Role(role), _ANN if bound else None), 4.0)


class World:
    """What the gate stands on, and what it told."""

    def __init__(self) -> None:
        self.tokens = Tokens()
        self.clock = Seconds()
        self.refused_: list[tuple[int, str]] = []
        self.lines: list[dict[str, Any]] = []

    def refused(self, status: int, reason: str) -> None:
        self.refused_.append((status, reason))

    def answered(self, method: str, endpoint: str, status: int, seconds: float) -> None:
        pass


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    world, capture = World(), LogCapture()
    monkeypatch.setattr("taskmanager.api.rest.audit._log", structlog.wrap_logger(CapturingLogger(), [capture]))
    world.lines = capture.entries
    return world


@pytest.fixture
async def client(world: World, aiohttp_client: AiohttpClient) -> TestClient:
    async def who(call: Call[None, None]):
        return answer({"actor": call.principal.id})

    def route(permission: Permission | None) -> Route:
        name = permission.value if permission else "open"
        return Route("POST", f"/api/{name}", name, who, permission, "t")

    gate = TokenGate(
        Access([world.tokens], world.clock),
        TokenBuckets("authentication", rate=1, burst=20, clock=world.clock),
        ClientAddresses(["127.0.0.0/8"]),
        Audit(world),
    )
    table = [route(None), *map(route, Permission)]
    return await aiohttp_client(rest_application(table, gate, world, request_timeout=5))


Ask = Callable[..., Any]


@pytest.fixture
def ask(client: TestClient) -> Ask:
    async def ask(token: str | None, path: str = "read", **headers: str):
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        return await client.post(f"/api/{path}", headers=headers)

    return ask


_MAY = {
    "reader": {"read", "observe"}, "reader-bound": {"read"},
    "worker": {"read", "report", "observe"}, "worker-bound": {"read", "report"},
    "writer": {"read", "write", "report", "observe"}, "writer-bound": {"read", "write", "report"},
    "admin": {"read", "write", "report", "observe", "operate"}, "admin-bound": {"read", "write", "report"},
}  # fmt: skip


@pytest.mark.parametrize("token", _MAY)
async def test_a_role_may_do_what_it_is_for_and_nothing_else(ask: Ask, token: str) -> None:
    for permission in Permission:
        response = await ask(token, permission.value)
        assert response.status == (200 if permission.value in _MAY[token] else 403), permission
    assert (await (await ask(token)).json()) == {"actor": f"key:{token}"}


async def test_who_is_refused_for_a_role_is_told_which_one_it_takes(ask: Ask) -> None:
    reader, bound = await ask("reader", "write"), await ask("admin-bound", "operate")
    assert (await reader.json())["detail"] == "the role reader may not do this: it needs writer or admin"
    assert "bound to a user" in (await bound.json())["detail"]


async def test_an_open_route_asks_nobody(ask: Ask, world: World) -> None:
    world.tokens.failure = StoreUnavailable("away")
    assert (await ask(None, "open")).status == 200
    assert (await ask("junk", "open")).status == 200


async def test_without_a_token_it_is_told_how_to_send_one(ask: Ask) -> None:
    response = await ask(None)
    assert response.status == 401
    assert response.headers["WWW-Authenticate"] == 'Bearer realm="task-manager"'
    assert response.content_type == "application/problem+json"
    assert "Authorization: Bearer" in (await response.json())["detail"]


async def test_a_token_is_taken_from_either_header(ask: Ask, client: TestClient) -> None:
    assert (await ask(None, **{"X-API-Key": "reader"})).status == 200
    for value in ("bearer reader", "BEARER  reader"):
        assert (await ask(None, Authorization=value)).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        [("Authorization", "reader")],
        [("Authorization", "Basic cmVhZGVyOng=")],
        [("Authorization", "Bearer ")],
        [("Authorization", "Bearer r\u00e9ader")],
        [("X-API-Key", "")],
        [("Authorization", "Bearer reader"), ("X-API-Key", "reader")],
        [("Authorization", "Bearer reader"), ("Authorization", "Bearer admin")],
    ],
)
async def test_anything_but_one_token_in_its_form_is_refused(
    client: TestClient, headers: list[tuple[str, str]]
) -> None:
    response = await client.post("/api/read", headers=headers)
    assert response.status == 401
    assert 'error="invalid_token"' in response.headers["WWW-Authenticate"]


@pytest.mark.parametrize("name", ["access_token", "token", "api_key", "key", "X-API-Key"])
async def test_a_token_in_the_address_is_none(ask: Ask, name: str) -> None:
    assert (await ask(None, f"read?{name}=admin")).status == 401


_HIDDEN = ["unknown", "revoked", "expired", "not_yet_valid", "bad_signature", "bad_claims", "bad_algorithm"]


async def test_why_a_token_is_refused_is_told_to_the_operator_alone(ask: Ask, world: World) -> None:
    told = set()
    for reason in _HIDDEN:
        response = await ask(reason)
        assert response.status == 401
        document = await response.json()
        told.add((document["detail"], response.headers["WWW-Authenticate"]))
    assert len(told) == 1
    assert world.refused_ == [(401, reason) for reason in _HIDDEN]


@pytest.mark.parametrize("reason", ["no_role", "no_user", "unverified_user"])
async def test_a_genuine_token_without_rights_is_told_why(ask: Ask, reason: str) -> None:
    response = await ask(reason)
    assert response.status == 403
    assert "token" in (await response.json())["detail"]


@pytest.mark.parametrize("failure", [StoreUnavailable("away"), AccessUnavailable("away")])
async def test_who_cannot_be_known_now_is_asked_to_come_again_and_not_refused(
    ask: Ask, world: World, failure: Exception
) -> None:
    assert (await ask("reader")).status == 200
    world.tokens.failure = failure
    assert (await ask("reader")).status == 200
    world.clock.now += 4
    response = await ask("reader")
    assert response.status == 503
    assert response.headers["Retry-After"]
    assert world.refused_ == []


async def test_an_address_whose_tokens_fail_too_often_has_to_wait(ask: Ask, world: World) -> None:
    assert (await ask("reader")).status == 200
    statuses = [(await ask(f"junk-{number}", **{"X-Forwarded-For": "203.0.113.9"})).status for number in range(25)]
    assert statuses == [401] * 20 + [429] * 5
    assert (await ask("writer", **{"X-Forwarded-For": "203.0.113.9"})).headers["Retry-After"] == "1"
    assert (await ask("writer", **{"X-Forwarded-For": "203.0.113.10"})).status == 200
    assert world.refused_.count((429, "too_many_failures")) == 6
    world.clock.now += 1
    assert (await ask("admin", **{"X-Forwarded-For": "203.0.113.9"})).status == 200


async def test_callers_who_were_good_before_go_on_whoever_else_fails_at_their_address(ask: Ask, world: World) -> None:
    assert (await ask("reader")).status == 200
    for number in range(25):
        await ask(f"junk-{number}")
    assert (await ask("writer")).status == 429
    world.clock.now += 4
    for number in range(25):
        await ask(f"more-junk-{number}")
    assert (await ask("reader")).status == 200


async def test_a_refusal_is_in_the_audit_log_without_token_path_and_address(ask: Ask, world: World) -> None:
    await ask("expired", **{"X-Forwarded-For": "203.0.113.9"})
    await ask("reader-bound", "operate", **{"X-Forwarded-For": "2001:db8:1:2::3"})
    unknown, not_allowed = [line for line in world.lines if line["event"] == "audit"]
    assert unknown == {
        "event": "audit", "log_level": "warning", "_template": "audit expired", "outcome": "refused", "status": 401,
        "reason": "expired", "actor": None, "claimed": "key:0123456789", "method": "POST", "endpoint": "/api/read",
        "peer": "203.0.113.0/24",
    }  # fmt: skip
    assert not_allowed == unknown | {
        "_template": "audit not_allowed key:reader-bound", "status": 403, "reason": "not_allowed",
        "actor": "key:reader-bound", "claimed": None, "endpoint": "/api/operate", "peer": "2001:db8:1::/48",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("address", "shown"),
    [("10.1.2.3", "10.1.2.0/24"), ("2001:db8:1:2::/64", "2001:db8:1::/48"), ("::1", "::/48"), ("unknown", "unknown")],
)
def test_the_audit_log_tells_where_from_without_telling_who(address: str, shown: str) -> None:
    assert masked(address) == shown
