"""Pages of other origins."""

import pytest

from taskmanager.api.rest.cors import CorsPolicy
from taskmanager.api.rest.edge import Edge

from .stage import Answer, staged

OURS = "https://app.example.com"
METHODS, HEADERS = ("GET", "POST"), ("Content-Type", "Idempotency-Key")


def named(*, credentials: bool = False) -> Edge:
    return Edge(cors=CorsPolicy([OURS], METHODS, HEADERS, credentials=credentials))


def anybody() -> Edge:
    return Edge(cors=CorsPolicy(["*"], METHODS, HEADERS, credentials=True))


async def asked(edge: Edge | None, target: str, *headers: str, method: str = "GET") -> Answer:
    async with staged(edge=edge) as stage:
        return await (await stage.connect()).ask(target, *headers, method=method)


def preflight(origin: str) -> tuple[str, str]:
    return f"Origin: {origin}", "Access-Control-Request-Method: POST"


@pytest.mark.parametrize("target", ["/api/parcels", "/api/health/live", "/api/nothing", "/"])
async def test_a_preflight_is_answered_for_every_path_alike(target: str) -> None:
    answer = await asked(named(), target, *preflight(OURS), method="OPTIONS")
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == OURS
    assert answer.headers["access-control-allow-methods"] == "GET, POST"
    assert answer.headers["access-control-allow-headers"] == "Content-Type, Idempotency-Key"
    assert answer.headers["access-control-max-age"] == "600"
    assert answer.headers["vary"].startswith("Origin, ")


async def test_a_stranger_learns_nothing() -> None:
    for method, headers in (("OPTIONS", preflight("https://evil.example")), ("GET", ("Origin: https://evil.example",))):
        answer = await asked(named(credentials=True), "/api/health/live", *headers, method=method)
        assert not [name for name in answer.headers if name.startswith("access-control-")]
        assert "Origin" in answer.headers["vary"]


@pytest.mark.parametrize(
    "origin", [f"{OURS}.evil.example", "https://app.example.co", "null", "https://APP.example.com:1"]
)
async def test_origins_are_compared_as_a_whole(origin: str) -> None:
    answer = await asked(named(), "/api/health/live", f"Origin: {origin}")
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(("target", "status"), [("/api/health/live", 200), ("/api/nothing", 404)])
async def test_a_page_may_read_answers_and_failures_and_what_their_headers_tell(target: str, status: int) -> None:
    answer = await asked(named(), target, f"Origin: {OURS}")
    assert answer.status == status
    assert answer.headers["access-control-allow-origin"] == OURS
    exposed = set(answer.headers["access-control-expose-headers"].split(", "))
    assert exposed >= {"Location", "ETag", "RateLimit", "X-Request-ID", "Idempotency-Replayed", "Retry-After"}
    assert "access-control-allow-credentials" not in answer.headers


async def test_logins_are_for_named_origins_alone() -> None:
    answer = await asked(named(credentials=True), "/api/health/live", f"Origin: {OURS}")
    assert answer.headers["access-control-allow-credentials"] == "true"
    answer = await asked(anybody(), "/api/health/live", f"Origin: {OURS}")
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in answer.headers
    assert "vary" not in answer.headers


async def test_caches_keep_the_answers_to_origins_apart_also_where_there_is_none() -> None:
    assert (await asked(named(), "/api/health/live")).headers["vary"] == "Origin"


async def test_without_a_policy_there_is_nothing_of_all_that() -> None:
    answer = await asked(None, "/api/health/live", *preflight(OURS), method="OPTIONS")
    assert answer.status == 405
    assert not [name for name in answer.headers if name.startswith("access-control-")]
