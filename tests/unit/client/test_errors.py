"""What a failed request tells its caller."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from taskmanager.client import (
    Conflict,
    FieldProblem,
    Forbidden,
    NewTask,
    NotFound,
    Outdated,
    RequestFailed,
    RetryPolicy,
    ServerFailed,
    TaskManagerClient,
    TooLarge,
    Unauthorized,
    UnexpectedAnswer,
    Unreachable,
    ValidationFailed,
)

from .server import TASK, ScriptedServer, fails, says

ID = TASK["id"]


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, ValidationFailed), (401, Unauthorized), (403, Forbidden), (404, NotFound), (409, Conflict),
        (412, Outdated), (413, TooLarge), (418, RequestFailed), (422, ValidationFailed), (500, ServerFailed),
    ],
)  # fmt: skip
async def test_each_status_has_an_error_of_its_own(
    client: TaskManagerClient, server: ScriptedServer, status: int, error: type[RequestFailed]
) -> None:
    server.replies(fails(status, "that does not go", members={"reason": "why"}, X_Request_ID="r-1"))
    with pytest.raises(RequestFailed) as told:
        await client.get(ID)
    assert type(told.value) is error
    assert str(told.value) == "that does not go"
    assert (told.value.status, told.value.reason, told.value.request_id) == (status, "why", "r-1")


async def test_the_values_at_fault_are_named(client: TaskManagerClient, server: ScriptedServer) -> None:
    problem = {"path": "userEmail", "message": "must hold exactly one @", "more": 1}
    server.replies(fails(422, members={"errors": [problem]}))
    with pytest.raises(ValidationFailed) as told:
        await client.create(NewTask(user_query="q", original_url="https://example.com/", user_email="ann"))
    assert told.value.errors == (FieldProblem("userEmail", "must hold exactly one @"),)


async def test_the_page_of_a_proxy_is_told_by_its_status(client: TaskManagerClient, server: ScriptedServer) -> None:
    async def page(_request: web.Request) -> web.Response:
        return web.Response(text="<h1>Forbidden</h1>", status=403, content_type="text/html")

    server.replies(page)
    with pytest.raises(Forbidden, match="403 Forbidden"):
        await client.get(ID)


async def test_a_redirection_is_not_followed(client: TaskManagerClient, server: ScriptedServer) -> None:
    server.replies(says(None, 302, Location="http://elsewhere.invalid/"))
    with pytest.raises(UnexpectedAnswer, match="302"):
        await client.get(ID)
    assert len(server.asked) == 1


async def test_an_answer_of_another_form_is_told(client: TaskManagerClient, server: ScriptedServer) -> None:
    server.replies(says({"hello": "world"}))
    with pytest.raises(UnexpectedAnswer):
        await client.get(ID)


async def test_members_that_are_not_known_are_passed_over(client: TaskManagerClient, server: ScriptedServer) -> None:
    server.replies(says(TASK | {"novelty": [1, 2]}))
    assert (await client.get(ID)).status == "new"


@pytest.mark.parametrize("is_told", [True, False])
async def test_an_answer_without_end_is_cut(server: ScriptedServer, is_told: bool) -> None:
    written = 0

    async def flood(request: web.Request) -> web.StreamResponse:
        nonlocal written
        response = web.StreamResponse()
        if is_told:
            response.content_length = 1 << 40
        await response.prepare(request)
        try:
            while True:
                await response.write(b" " * 65536)
                written += 65536
        except ConnectionError:
            return response

    server.replies(flood)
    async with TaskManagerClient(server.url, answer_max_bytes=1_000_000) as client:
        with pytest.raises(UnexpectedAnswer, match="1,000,000 bytes"):
            await client.get(ID)
    assert written < 50_000_000


async def test_a_token_is_sent_and_never_shown(client: TaskManagerClient, server: ScriptedServer) -> None:
    server.replies(fails(401, "the token is not valid"))
    with pytest.raises(Unauthorized) as told:
        await client.get(ID)
    assert server.asked[0].headers["Authorization"] == "Bearer tm_secret"
    assert "tm_secret" not in f"{told.value!r} {client!r} {vars(told.value)}"


async def test_a_token_may_change(server: ScriptedServer) -> None:
    tokens = iter(["one", "two"])
    server.replies(says(TASK))
    async with TaskManagerClient(server.url, token=lambda: next(tokens)) as client:
        await client.get(ID)
        await client.get(ID)
    assert [request.headers["Authorization"] for request in server.asked] == ["Bearer one", "Bearer two"]


@pytest.mark.parametrize("token", ["", "two words", "line\nbreak", "naïve"])
async def test_a_token_that_is_none_is_refused_without_being_shown(server: ScriptedServer, token: str) -> None:
    async with TaskManagerClient(server.url, token=token) as client:
        with pytest.raises(ValueError, match="the token") as told:
            await client.get(ID)
    assert not token or token not in str(told.value)
    assert server.asked == []


@pytest.mark.parametrize(
    "url", ["", "example.com", "ftp://example.com", "http://", "http://a:b@example.com", "http://h?x"]
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="address"):
        TaskManagerClient(url)


@pytest.mark.parametrize("task_id", ["", ".", ".."])
async def test_an_id_does_not_lead_elsewhere(client: TaskManagerClient, server: ScriptedServer, task_id: str) -> None:
    with pytest.raises(ValueError, match="names nothing"):
        await client.delete(task_id)
    assert server.asked == []


async def test_an_id_is_one_segment(client: TaskManagerClient, server: ScriptedServer) -> None:
    server.replies(says(TASK))
    await client.get("a/../b?c#d")
    assert server.asked[0].path == "/api/tasks/a%2F..%2Fb%3Fc%23d"


async def test_a_client_that_is_not_open_says_how_to_open_it() -> None:
    with pytest.raises(RuntimeError, match="async with"):
        await TaskManagerClient("http://127.0.0.1:1").get(ID)


@pytest.fixture
def own_certificate(tmp_path: Path) -> ssl.SSLContext:
    """The side of a server that vouches for itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    certificate = builder.not_valid_before(now).not_valid_after(now + timedelta(days=1)).sign(key, hashes.SHA256())
    path = tmp_path / "server.pem"
    path.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + certificate.public_bytes(Encoding.PEM)
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(path)
    return context


async def test_a_certificate_that_is_not_trusted_is_told(own_certificate: ssl.SSLContext) -> None:
    server = TestServer(web.Application())
    await server.start_server(ssl=own_certificate)
    async with TaskManagerClient(str(server.make_url("")), retries=RetryPolicy(attempts=1)) as client:
        with pytest.raises(Unreachable, match="certificate is not trusted") as told:
            await client.get(ID)
    await server.close()
    assert not told.value.may_have_arrived
