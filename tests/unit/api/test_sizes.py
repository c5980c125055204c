"""Whatever is too large is refused before it costs anything."""

import gzip

import pytest
from structlog.testing import capture_logs

from .stage import Answer, Client, Stage, staged, until

HUNDRED_MB = 100 * 1024 * 1024
# What fits into the buffers of two sockets; what the server has read is a part of it.
BUFFERED = 16 * 1024 * 1024
PIECE = b" " * 65_536
JSON = "Content-Type: application/json"


async def post(stage: Stage, body: bytes, *headers: str) -> Answer:
    return await (await stage.connect()).ask("/api/parcels", *headers, method="POST", body=body)


async def refused(client: Client) -> Answer:
    """The answer, after which nothing more may come."""
    answer = await client.answer()
    assert answer.headers["connection"] == "close"
    assert await client.end() == b""
    return answer


@pytest.mark.parametrize(
    ("head", "piece"),
    [(f"Content-Length: {HUNDRED_MB}", PIECE), ("Transfer-Encoding: chunked", b"10000\r\n" + PIECE + b"\r\n")],
    ids=["with its length", "in chunks"],
)
@pytest.mark.parametrize("target", ["/api/parcels", "/api/nothing"])
async def test_100_megabytes_are_neither_read_nor_waited_for(target: str, head: str, piece: bytes) -> None:
    async with staged() as stage:
        client = await stage.connect()
        client.send(f"POST {target} HTTP/1.1\r\nHost: t\r\n{JSON}\r\n{head}\r\n\r\n")
        assert await client.push(piece, HUNDRED_MB) < BUFFERED
        assert stage.taken == 0


@pytest.mark.parametrize("head", [f"Content-Length: {HUNDRED_MB}", "Transfer-Encoding: chunked"])
async def test_who_sends_too_much_learns_why(head: str) -> None:
    async with staged() as stage:
        client = await stage.connect()
        client.send(f"POST /api/parcels HTTP/1.1\r\nHost: t\r\n{JSON}\r\n{head}\r\n\r\n")
        client.send(b"20000\r\n" + b" " * 0x20000 + b"\r\n")
        answer = await refused(client)
        assert answer.status == 413
        assert b"larger than 65536 bytes" in answer.body


async def test_who_asks_before_sending_is_not_told_to_go_on_in_vain() -> None:
    async with staged() as stage:
        client = await stage.connect()
        expect = f"Host: t\r\n{JSON}\r\nExpect: 100-continue\r\nContent-Length:"
        client.send(f"POST /api/parcels HTTP/1.1\r\n{expect} 12\r\n\r\n")
        assert (await client.answer()).status == 100
        client.send(b'{"items":[]}')
        assert (await client.answer()).body == b'{"bytes":12}'
        client.send(f"POST /api/parcels HTTP/1.1\r\n{expect} {HUNDRED_MB}\r\n\r\n")
        assert (await client.answer()).status == 413


async def test_a_client_of_http_1_0_is_not_told_to_go_on() -> None:
    async with staged() as stage:
        client = await stage.connect()
        client.send(f"POST /api/parcels HTTP/1.0\r\n{JSON}\r\nExpect: 100-continue\r\nContent-Length: 12\r\n\r\n")
        client.send(b'{"items":[]}')
        assert (await client.answer()).body == b'{"bytes":12}'


async def test_a_small_body_that_nobody_wants_costs_no_connection() -> None:
    async with staged() as stage:
        client = await stage.connect()
        client.send("POST /api/nothing HTTP/1.1\r\nHost: t\r\nContent-Length: 10\r\n\r\n")
        assert (await client.answer()).status == 404
        client.send(b"0123456789")
        assert (await client.ask("/api/health/live")).status == 200


async def test_nothing_is_inflated() -> None:
    async with staged() as stage:
        bomb = gzip.compress(b'{"items":[' + b" " * 10_000_000 + b"]}")
        answer = await post(stage, bomb, "Content-Encoding: gzip")
        assert answer.status == 415
        assert b"without Content-Encoding" in answer.body
        # And without that word it is what it is: no JSON.
        assert (await post(stage, bomb)).status == 400


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"[" * 65_000, 400),
        (b'{"items":' + b"[" * 30_000 + b"]" * 30_000 + b"}", 400),
        (b'{"items":' + b'{"a":' * 13_000, 400),
        (b'{"items":[' + b"9" * 60_000 + b"]}", 400),
        (b'{"items":[1e' + b"9" * 60_000 + b"]}", 400),
        (b'{"items":[' + b"0," * 30_000 + b"0]}", 200),
        (b'{"items":["' + b"\\u0041" * 10_000 + b'"]}', 200),
    ],
    ids=["deep", "deep and whole", "deep objects", "long number", "large exponent", "many items", "escapes"],
)
async def test_json_that_is_made_to_hurt_is_answered(body: bytes, status: int) -> None:
    async with staged() as stage:
        assert (await post(stage, body)).status == status


@pytest.mark.parametrize(
    ("head", "status"),
    [
        ("GET /api/health/live?" + "a" * 10_000 + " HTTP/1.1\r\nHost: t", 431),
        ("GET /api/health/live HTTP/1.1\r\nHost: t\r\nX-Long: " + "a" * 10_000, 431),
        ("GET /api/health/live HTTP/1.1\r\nHost: t" + "\r\nX-Many: a" * 100, 400),
        ("GET /api/health/live HTTP/1.1\r\nHost: t\r\nX-Bad: a\x00b", 400),
        ("GET /api/health/live HTTP/9.9\r\nHost: t", 400),
        ("POST /api/parcels HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\nTransfer-Encoding: chunked", 400),
        ("POST /api/parcels HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\nContent-Length: 4", 400),
        ("POST /api/parcels HTTP/1.1\r\nHost: t\r\nContent-Length: -3", 400),
        ("nonsense", 400),
    ],
    ids=["query", "header", "headers", "NUL", "version", "two framings", "two lengths", "negative", "no HTTP"],
)
async def test_heads_that_are_no_good_are_refused(head: str, status: int) -> None:
    async with staged() as stage:
        client = await stage.connect()
        client.send(head + "\r\n\r\n")
        answer = await refused(client)
        assert answer.status == status
        assert answer.headers["content-type"].startswith("application/problem+json")
        assert "aiohttp" not in answer.headers["server"]


@pytest.mark.parametrize("chunk", [b"nonsense\r\n", b"5\r\nhelloX\r\n", b"-1\r\n", b"f" * 40 + b"\r\n"])
@pytest.mark.parametrize("comes_later", [False, True])
async def test_a_body_that_is_framed_badly_is_the_clients_mistake(chunk: bytes, comes_later: bool) -> None:
    async with staged() as stage:
        client = await stage.connect()
        client.send(f"POST /api/parcels HTTP/1.1\r\nHost: t\r\n{JSON}\r\nTransfer-Encoding: chunked\r\n\r\n")
        if comes_later:
            await until(lambda: stage.server.figures()["busy"] == 1)
        client.send(chunk)
        assert (await refused(client)).status == 400


async def test_a_client_that_goes_away_is_no_failure_of_ours() -> None:
    with capture_logs() as lines:
        async with staged() as stage:
            for rest in ("", "1\r\n{\r\n"):
                client = await stage.connect()
                framing = "Transfer-Encoding: chunked" if rest else "Content-Length: 50"
                client.send(f"POST /api/parcels HTTP/1.1\r\nHost: t\r\n{JSON}\r\n{framing}\r\n\r\n{rest}")
                await until(lambda: stage.server.figures()["busy"] == 1)
                client.writer.transport.abort()
                await until(lambda: stage.server.figures()["open"] == 0)
    assert [line for line in lines if line["log_level"] in ("error", "warning")] == []


async def test_a_head_without_end_is_cut_off() -> None:
    async with staged() as stage:
        client = await stage.connect()
        sent = await client.push(b"GET /" + b"a" * 1000, BUFFERED)
        assert sent < BUFFERED
        assert stage.server.figures()["ended"].keys() <= {"head_too_long"}
