"""What every answer carries."""

import pytest
from aiohttp.test_utils import TestClient

from .stage import staged

EXPECTED = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


@pytest.mark.parametrize(
    ("target", "method", "status"),
    [
        ("/api/health/live", "GET", 200),
        ("/api/nothing", "GET", 404),
        ("/api/large", "PUT", 405),
        ("/", "PROPFIND", 404),
    ],
)
async def test_answers_are_not_shown_framed_run_or_kept(target: str, method: str, status: int) -> None:
    async with staged() as stage:
        answer = await (await stage.connect()).ask(target, method=method)
    assert answer.status == status
    assert answer.headers.items() >= EXPECTED.items()
    assert "server" not in answer.headers
    assert "date" in answer.headers


async def test_a_page_of_ours_keeps_its_own_rules(client: TestClient) -> None:
    page = await client.get("/api/docs")
    assert "script-src" in page.headers["Content-Security-Policy"]
    assert page.headers["X-Content-Type-Options"] == "nosniff"
