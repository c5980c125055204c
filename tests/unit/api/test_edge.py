"""What holds for every route."""

import pytest
from aiohttp.test_utils import TestClient

from .conftest import TASK_ID, World


async def test_an_unknown_path_is_a_problem_404(client: TestClient) -> None:
    response = await client.get("/api/nothing")
    assert response.status == 404
    assert response.content_type == "application/problem+json"
    assert (await response.json())["detail"] == "there is no such path; /api/docs shows all that there are"


async def test_a_method_that_a_path_does_not_know_is_a_problem_405_that_names_the_others(client: TestClient) -> None:
    response = await client.post("/api/health")
    assert response.status == 405
    assert set(response.headers["Allow"].split(",")) == {"GET", "HEAD"}
    assert (await response.json())["detail"] == "POST is not for this path, which takes GET, HEAD"


async def test_the_callers_request_id_comes_back(client: TestClient) -> None:
    response = await client.get("/api/health/live", headers={"X-Request-ID": "order-66"})
    assert response.headers["X-Request-ID"] == "order-66"


@pytest.mark.parametrize("given", ["", "with space", "x" * 129, "<script>"])
async def test_a_request_id_that_does_not_fit_a_log_is_replaced(client: TestClient, given: str) -> None:
    response = await client.get("/api/health/live", headers={"X-Request-ID": given})
    assert response.headers["X-Request-ID"] != given
    assert len(response.headers["X-Request-ID"]) == 32


async def test_errors_carry_a_request_id_too(client: TestClient) -> None:
    assert len((await client.get("/api/nothing")).headers["X-Request-ID"]) == 32


async def test_requests_are_counted_by_template_and_never_by_what_the_client_wrote(
    client: TestClient, world: World
) -> None:
    await client.get(f"/api/tasks/{TASK_ID}")
    await client.get("/api/tasks/junk")
    await client.get("/wp-login.php?user=1")
    await client.request("PROPFIND", "/api/health")
    assert world.counted == [
        ("GET", "/api/tasks/{id}", 200),
        ("GET", "/api/tasks/{id}", 400),
        ("GET", "unmatched", 404),
        ("OTHER", "/api/health", 405),
    ]
