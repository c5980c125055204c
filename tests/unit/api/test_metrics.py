"""/api/metrics"""

from datetime import datetime, timedelta

import pytest
from aiohttp.test_utils import TestClient


async def test_prometheus_gets_its_text_format(client: TestClient) -> None:
    response = await client.get("/api/metrics")
    assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert await response.text() == "# HELP x X.\n"


@pytest.mark.parametrize(("query", "hours"), [("", 24), ("?hours=3", 3), ("?hours=0.5", 0.5)])
async def test_tasks_are_counted_within_the_last_hours(client: TestClient, query: str, hours: float) -> None:
    document = await (await client.get(f"/api/metrics/json{query}")).json()
    assert document["hours"] == hours
    assert document["tasks"] == {"new": int(hours), "error": 1}
    assert document["total"] == int(hours) + 1
    window = datetime.fromisoformat(document["to"]) - datetime.fromisoformat(document["from"])
    assert window == timedelta(hours=hours)


@pytest.mark.parametrize("hours", ["0", "-1", "nan", "inf", "a day", "", "1e9"])
async def test_hours_must_be_a_positive_number(client: TestClient, hours: str) -> None:
    response = await client.get("/api/metrics/json", params={"hours": hours})
    assert response.status == 400
    assert (await response.json())["field"] == "hours"


async def test_dashboards_learn_which_windows_to_offer(client: TestClient) -> None:
    document = await (await client.get("/api/metrics/config")).json()
    assert document == {"ranges": [1, 6, 12, 24, 48, 72], "refreshSeconds": 15}
