"""The interface's description, and the page that shows it."""

import re
from unittest.mock import Mock

import msgspec
import pytest
from aiohttp.test_utils import TestClient

from taskmanager.api.rest.openapi.document import openapi_document
from taskmanager.api.rest.routes import Controllers, routes


@pytest.fixture
def document() -> dict:
    controllers = Controllers(*(Mock(name=name) for name in Controllers._fields))
    return openapi_document(routes(controllers), title="task-manager", version="1", authenticated=True)


async def test_the_description_is_served_and_every_reference_leads_somewhere(
    client: TestClient, document: dict
) -> None:
    answer = await client.get("/api/openapi.json")
    served = await answer.json()

    assert served["openapi"] == "3.1.0"
    assert served["paths"].keys() == document["paths"].keys()
    names = re.findall(r"#/components/schemas/([^\"']+)", str(served))
    assert names
    assert set(names) <= served["components"]["schemas"].keys()


async def test_every_served_route_is_described_and_the_other_way_round(client: TestClient) -> None:
    served = {
        (route.method, route.resource.canonical)
        for route in client.app.router.routes()
        if route.resource is not None and route.method not in ("HEAD", "*")
    }
    document = await (await client.get("/api/openapi.json")).json()
    described = {(method.upper(), path) for path, item in document["paths"].items() for method in item}

    assert described == served


async def test_a_path_beside_a_placeholder_knows_its_own_methods(client: TestClient) -> None:
    answer = await client.get("/api/tasks/batch")

    assert answer.status == 405
    assert answer.headers["Allow"] == "POST"


def test_every_operation_has_a_name_of_its_own_and_says_what_it_does(document: dict) -> None:
    operations = [operation for item in document["paths"].values() for operation in item.values()]
    names = [operation["operationId"] for operation in operations]

    assert len(set(names)) == len(names)
    assert {tag for operation in operations for tag in operation["tags"]} <= {tag["name"] for tag in document["tags"]}


def test_every_body_has_an_example_that_can_be_read() -> None:
    controllers = Controllers(*(Mock(name=name) for name in Controllers._fields))
    bodies = [route for route in routes(controllers) if route.body is not None]

    assert bodies
    for route in bodies:
        assert msgspec.json.decode(msgspec.json.encode(route.example), type=route.body)


def test_what_is_not_open_asks_for_a_token(document: dict) -> None:
    assert document["paths"]["/api/tasks/{id}"]["get"]["security"] == [{"token": []}, {"key": []}]
    assert "security" not in document["paths"]["/api/health/live"]["get"]
    assert {"401", "403"} <= document["paths"]["/api/tasks/{id}"]["get"]["responses"].keys()


def test_both_headers_that_a_token_may_come_in_are_described(document: dict) -> None:
    schemes = document["components"]["securitySchemes"]

    assert (schemes["token"]["type"], schemes["token"]["scheme"]) == ("http", "bearer")
    assert (schemes["key"]["type"], schemes["key"]["in"], schemes["key"]["name"]) == ("apiKey", "header", "X-API-Key")


async def test_the_page_takes_everything_from_here(client: TestClient) -> None:
    page = await (await client.get("/api/docs")).text()
    references = re.findall(r'(?:src|href)="([^"]+)"', page)

    assert references
    for reference in references:
        assert "//" not in reference
        answer = await client.get(f"/api/{reference}")
        assert answer.status == 200, reference
        assert await answer.read()


async def test_no_other_file_is_served(client: TestClient) -> None:
    for name in ("LICENSE", "..%2f__init__.py", "index.css"):
        assert (await client.get(f"/api/docs/{name}")).status == 404
