"""Dead letters in the hands of operators, over HTTP."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from psycopg2.extensions import parse_dsn

from taskmanager.infrastructure.postgres.session import Session
from tests.builders import task_id
from tests.fakes.messages import body, report, request
from tests.integration.api.writing.conftest import Api
from tests.integration.ingest.writers import Writer
from tests.scratch import ScratchDatabase

LETTERS = "/api/dead-letters"


@pytest.fixture
async def letters(database: ScratchDatabase) -> AsyncIterator[None]:
    """Four of them: no query, an unknown status, no JSON, bytes that are no text."""
    session = Session(parse_dsn(database.dsn("app")), timeout=30)
    messages = [
        request(body(userQuery=...), id=task_id(1), offset=0, key=b"\xff\x00", headers={"odd": b"\xfe"}),
        request(b"{", id=task_id(3), offset=1),
        request(b"\xff", id=task_id(4), offset=2),
        report("lost", id=task_id(2), offset=0),
    ]
    await Writer(session, "0-consumer-00").receive(messages)
    yield
    await session.close()


async def ids(api: Api, query: str = "") -> list[int]:
    """The letters that are listed."""
    reply = await api.send("GET", f"{LETTERS}{query}")
    assert reply.status == 200, reply.raw
    return [item["id"] for item in reply.body["items"]]


@pytest.mark.usefixtures("letters")
async def test_letters_are_listed_by_what_they_are(api: Api) -> None:
    everything = await ids(api)
    assert everything == [4, 3, 2, 1]
    assert await ids(api, "?reason=missing_field&reason=unknown_status") == [4, 1]
    assert await ids(api, "?topic=task-status&partition=0") == [4]
    assert await ids(api, f"?taskId={task_id(3).upper()}") == [2]
    assert await ids(api, "?since=2999-01-01T00:00:00Z") == []
    assert await ids(api, "?until=2999-01-01T00:00:00Z&state=discarded") == []
    first = (await api.send("GET", f"{LETTERS}?limit=2")).body
    assert first["next"] == 3
    assert await ids(api, "?limit=2&before=3") == [2, 1]
    counted = (await api.send("GET", f"{LETTERS}/statistics")).body
    assert counted["letters"] == 4
    assert {item["reason"]: item["letters"] for item in counted["items"]} == {
        "invalid_encoding": 1, "malformed_json": 1, "missing_field": 1, "unknown_status": 1
    }  # fmt: skip


@pytest.mark.usefixtures("letters")
async def test_a_letter_is_shown_byte_for_byte(api: Api) -> None:
    shown = (await api.send("GET", f"{LETTERS}/1")).body
    assert shown["reason"] == "missing_field"
    assert shown["message"]["key"] == {"base64": "/wA="}
    assert {"name": "odd", "value": {"base64": "/g=="}} in shown["message"]["headers"]
    assert {"name": "id", "value": task_id(1)} in shown["message"]["headers"]
    assert shown["advice"] == "Send the member that the detail names."
    assert (shown["history"], shown["task"]) == ([], None)
    assert (await api.send("GET", f"{LETTERS}/3")).body["message"]["value"] == {"base64": "/w=="}
    assert (await api.send("GET", f"{LETTERS}/99")).status == 404
    for nonsense in ("0", "x", "1.5", str(10**18)):
        assert (await api.send("GET", f"{LETTERS}/{nonsense}")).status == 400


@pytest.mark.usefixtures("letters")
async def test_a_corrected_letter_takes_effect_once(api: Api) -> None:
    path = f"{LETTERS}/2/replay"
    tried = await api.send("POST", path, {})
    assert (tried.status, tried.body["reason"], tried.body["state"]) == (200, "malformed_json", "open")
    value = '{"userEmail":"a@example.com","userQuery":"q","originalUrl":"https://example.com/"}'
    foreseen = await api.send("POST", path, {"value": value, "dryRun": True})
    assert foreseen.body["outcome"] == "created"
    assert (await api.send("GET", f"/api/tasks/{task_id(3)}")).status == 404
    replayed = await api.send("POST", path, {"value": value, "headers": {"correlation_id": "c-1"}})
    assert replayed.body == {
        "id": 2, "outcome": "created", "reason": None, "detail": None, "taskId": task_id(3), "state": "replayed"
    }  # fmt: skip
    assert (await api.send("GET", f"/api/tasks/{task_id(3)}")).body["correlationId"] == "c-1"
    again = await api.send("POST", path, {"value": value})
    assert (again.status, again.body["detail"]) == (409, "this dead letter is replayed already")
    shown = (await api.send("GET", f"{LETTERS}/2")).body
    assert [(past["action"], past["actor"], past["outcome"]) for past in shown["history"]] == [
        ("failed_replay", "anonymous", "malformed_json"), ("replay", "anonymous", "created")
    ]  # fmt: skip
    assert shown["history"][1]["edited"]["value"] == value
    assert (shown["message"]["value"], shown["task"]["id"], shown["settledBy"]) == ("{", task_id(3), "anonymous")


@pytest.mark.usefixtures("letters")
async def test_letters_are_replayed_by_a_filter_page_by_page(api: Api) -> None:
    order: dict[str, Any] = {"filter": {"all": True}, "limit": 3, "dryRun": True}
    foreseen = (await api.send("POST", f"{LETTERS}/replay", order)).body
    assert (foreseen["replayed"], foreseen["stillDead"], foreseen["next"]) == (0, 3, 3)
    await api.send("POST", "/api/dead-letters/replay", order | {"dryRun": False})
    rest = (await api.send("POST", f"{LETTERS}/replay", order | {"after": 3, "headers": {"status": "started"}})).body
    assert [(item["id"], item["reason"]) for item in rest["items"]] == [(4, "unknown_task")]
    assert rest["next"] is None
    beyond = (await api.send("POST", f"{LETTERS}/replay", order | {"after": 4})).body
    assert beyond == {"replayed": 0, "stillDead": 0, "items": [], "next": None}
    assert await ids(api) == [4, 3, 2, 1]


@pytest.mark.usefixtures("letters")
async def test_discarding_is_final_for_the_filter_and_may_be_repeated(api: Api) -> None:
    for _ in range(2):
        reply = await api.send("DELETE", f"{LETTERS}/3?why=sent%20by%20a%20test")
        assert (reply.status, reply.raw) == (204, b"")
    assert await ids(api) == [4, 2, 1]
    assert await ids(api, "?state=all") == [4, 3, 2, 1]
    (past,) = (await api.send("GET", f"{LETTERS}/3")).body["history"]
    assert (past["action"], past["detail"]) == ("discard", "sent by a test")
    assert (await api.send("DELETE", f"{LETTERS}/99")).status == 404
    assert (await api.send("DELETE", f"{LETTERS}/4?why=%00")).status == 400


@pytest.mark.parametrize(
    ("order", "status"),
    [
        ({"filter": {}}, 400),
        ({"filter": {"all": False}}, 400),
        ({"filter": {"reason": []}}, 400),
        ({"filter": {"reason": ["boredom"]}}, 400),
        ({"filter": {"since": "0"}}, 400),
        ({"filter": {"since": "2026-01-01T00:00:00"}}, 400),
        ({"filter": {"since": "0001-01-01T00:00:00Z"}}, 422),
        ({"filter": {"topic": "a\0b"}}, 400),
        ({"filter": {"all": True}, "limit": 1001}, 400),
        ({"filter": {"all": True}, "value": "x"}, 400),
        ({"filter": {"all": True}, "headers": {"id": {"base64": "?"}}}, 422),
        ({"filter": {"all": True}, "headers": {"id": "\0"}}, 422),
    ],
)
async def test_orders_that_say_nothing_or_nonsense_are_refused(api: Api, order: object, status: int) -> None:
    assert (await api.send("POST", f"{LETTERS}/replay", order)).status == status


@pytest.mark.usefixtures("letters")
async def test_a_moment_may_be_told_in_zones_that_the_database_does_not_know(api: Api) -> None:
    order = {"filter": {"since": "2026-01-01T23:00:00+23:00", "until": "2999-01-01T00:00:00-23:59"}, "dryRun": True}
    reply = await api.send("POST", f"{LETTERS}/replay", order)
    assert (reply.status, reply.body["replayed"] + reply.body["stillDead"]) == (200, 4)


async def test_letters_that_are_not_there_are_not_replayed(api: Api) -> None:
    assert (await api.send("POST", f"{LETTERS}/1/replay", {})).status == 404
    assert (await api.send("POST", f"{LETTERS}/replay", {"filter": {"all": True}})).body["next"] is None
