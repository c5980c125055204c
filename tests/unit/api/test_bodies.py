"""Bodies are read within their limits, and what is wrong with them is named."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Annotated

import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient
from pytest_aiohttp.plugin import AiohttpClient

from taskmanager.api.rest.answers import answer
from taskmanager.api.rest.application import rest_application
from taskmanager.api.rest.call import Call
from taskmanager.api.rest.endpoint import OpenGate
from taskmanager.api.rest.route import Route
from taskmanager.application.principal import Permission

from .conftest import World


class Item(msgspec.Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    user_email: Annotated[str, msgspec.Meta(min_length=1)]
    tags: dict[str, str] = {}


class Parcel(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    items: list[Item]


class Number(msgspec.Struct):
    number: int
    length: int


LIMIT = 1000


async def take(call: Call[None, Parcel]) -> web.StreamResponse:
    return answer(Number(call.path("number"), len(call.raw)))


@pytest.fixture
async def taker(world: World, aiohttp_client: AiohttpClient) -> TestClient:
    route = Route(
        "POST", "/api/parcels/{number}", "send", take, Permission.WRITE, "tasks", body=Parcel,
        path_types={"number": int}, body_limit=LIMIT,
    )  # fmt: skip
    return await aiohttp_client(rest_application([route], OpenGate(), world, request_timeout=5))


async def sent(taker: TestClient, body: bytes, path: str = "/api/parcels/7", **headers: str) -> tuple[int, dict]:
    response = await taker.post(path, data=body, headers={"Content-Type": "application/json"} | headers)
    return response.status, await response.json()


async def test_a_body_that_fits_arrives_with_its_path(taker: TestClient) -> None:
    body = b'{"items": [{"userEmail": "a@b.c"}]}'
    assert await sent(taker, body) == (200, {"number": 7, "length": len(body)})


@pytest.mark.parametrize(
    ("body", "path", "message"),
    [
        (b'{"items": [{"userEmail": "a"}, {"userEmail": 7}]}', "items[1].userEmail", "Expected `str`, got `int`"),
        (b'{"items": [{}]}', "items[0]", "missing required field `userEmail`"),
        (b'{"items": [{"userEmail": ""}]}', "items[0].userEmail", "length >= 1"),
        (b'{"items": [{"userEmail": "a", "tags": {"k": null}}]}', "items[0].tags[...]", "Expected `str`"),
        (b'{"items": [], "user_email": 1}', "", "unknown field `user_email`"),
        (b"[]", "", "Expected `object`, got `array`"),
    ],
)
async def test_the_value_at_fault_is_named(taker: TestClient, body: bytes, path: str, message: str) -> None:
    status, problem = await sent(taker, body)

    assert status == 400
    (error,) = problem["errors"]
    assert error["path"] == path
    assert message in error["message"]


@pytest.mark.parametrize("body", [b"", b"{", b"nope", b'{"items": []} x', b'{"items": [NaN]}', b"\xff\xfe", b"[" * 900])
async def test_what_is_no_json_is_a_400(taker: TestClient, body: bytes) -> None:
    assert (await sent(taker, body))[0] == 400


async def test_the_limit_holds_with_and_without_a_stated_length(taker: TestClient) -> None:
    exact = json.dumps({"items": [{"userEmail": "a" * (LIMIT - len('{"items": [{"userEmail": ""}]}'))}]}).encode()
    assert len(exact) == LIMIT
    assert (await sent(taker, exact))[0] == 200
    assert (await sent(taker, exact + b" "))[0] == 413

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b" " * 500
            await asyncio.sleep(0)

    response = await taker.post("/api/parcels/7", data=endless(), headers={"Content-Type": "application/json"})
    assert response.status == 413
    assert response.headers["Connection"] == "close"


async def test_a_body_that_is_not_said_to_be_json_is_refused(taker: TestClient) -> None:
    status, problem = await sent(taker, b'{"items": []}', **{"Content-Type": "application/x-www-form-urlencoded"})
    assert status == 415
    assert "Content-Type: application/json" in problem["detail"]


async def test_a_path_of_the_wrong_type_is_named(taker: TestClient) -> None:
    status, problem = await sent(taker, b'{"items": []}', "/api/parcels/seven")
    assert (status, problem["field"]) == (400, "number")
