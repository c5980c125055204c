"""/api/health and its parts."""

import pytest
from aiohttp.test_utils import TestClient

from .conftest import World

DEPENDENT = ["", "/detailed"]


@pytest.mark.parametrize("part", ["", "/live", "/ready", "/detailed", "/database", "/kafka", "/service"])
async def test_all_is_well(client: TestClient, part: str) -> None:
    response = await client.get(f"/api/health{part}")
    assert response.status == 200
    assert response.headers["Cache-Control"] == "no-store"
    document = await response.json()
    assert (document["status"], document["service"], document["version"]) == ("healthy", "task-manager", "1.2.3")


@pytest.mark.parametrize("missing", ["database", "kafka"])
@pytest.mark.parametrize("part", DEPENDENT)
async def test_it_is_red_while_a_dependency_is_away_and_green_again_by_itself(
    client: TestClient, world: World, part: str, missing: str
) -> None:
    world.unhealthy.add(missing)
    response = await client.get(f"/api/health{part}")
    assert response.status == 503
    assert (await response.json())["status"] == "unhealthy"
    world.unhealthy.clear()
    assert (await client.get(f"/api/health{part}")).status == 200


async def test_it_is_ready_with_the_database_alone(client: TestClient, world: World) -> None:
    world.unhealthy.add("kafka")
    response = await client.get("/api/health/ready")
    assert response.status == 200
    assert (await response.json())["checks"] == {"database": "healthy"}
    world.unhealthy = {"database"}
    assert (await client.get("/api/health/ready")).status == 503


async def test_it_is_not_ready_while_it_has_more_to_do_than_should_come(client: TestClient, world: World) -> None:
    world.is_overloaded = True
    response = await client.get("/api/health/ready")
    assert response.status == 503
    assert (await response.json())["overloaded"] is True
    assert (await client.get("/api/health")).status == 200


async def test_the_details_hold_figures_and_why_one_is_missing(client: TestClient, world: World) -> None:
    response = await client.get("/api/health/detailed")
    assert response.status == 200
    document = await response.json()
    assert document["checks"]["database"]["status"] == "healthy"
    assert document["checks"]["database"]["responseTimeMs"] >= 0
    assert document["details"] == {"pool": {"seen": "pool"}, "lag": {"seen": "lag"}}
    world.unhealthy.add("lag")
    response = await client.get("/api/health/detailed")
    assert response.status == 200
    assert (await response.json())["details"]["lag"] == {"error": "lag is away"}


async def test_each_dependency_has_its_own_light(client: TestClient, world: World) -> None:
    world.unhealthy.add("kafka")
    assert (await client.get("/api/health/database")).status == 200
    response = await client.get("/api/health/kafka")
    assert response.status == 503
    assert (await response.json())["checks"]["kafka"]["error"] == "kafka is away"


async def test_the_details_show_the_circuit_breakers(client: TestClient) -> None:
    document = await (await client.get("/api/health/detailed")).json()
    assert document["circuits"] == {"postgresql": "closed", "kafka": "half_open"}


async def test_a_process_without_dependencies_is_alive_all_the_same(client: TestClient, world: World) -> None:
    world.unhealthy |= {"database", "kafka"}
    assert (await client.get("/api/health/live")).status == 200


async def test_a_process_that_drains_is_alive_but_not_ready(client: TestClient, world: World) -> None:
    world.service.is_draining = True
    assert (await client.get("/api/health/ready")).status == 503
    assert (await client.get("/api/health/live")).status == 200
