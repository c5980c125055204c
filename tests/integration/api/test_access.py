"""API keys and tokens on the real program and database."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from typing import NamedTuple

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from taskmanager.application.principal import Role
from taskmanager.application.use_cases.keys.create_key import CreateKey
from taskmanager.application.use_cases.keys.revoke_key import RevokeKey
from taskmanager.config.settings import load_settings
from taskmanager.infrastructure.postgres.api_keys import PostgresKeyStore
from taskmanager.infrastructure.postgres.session import Session
from taskmanager.programs.clock import SystemClock
from tests.fakes.issuer import AUDIENCE, ISSUER, Issuer
from tests.scratch import ScratchDatabase

from .conftest import Line, serving

_PATH = "/api/tasks/0190f1c2-7a3b-7cde-8f01-23456789abcd"
_WAITING = "select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
_NEW = {"userEmail": "ann@example.com", "userQuery": "prices", "originalUrl": "https://example.com/"}


class Desk(NamedTuple):
    """Where keys come from, past any line that is cut."""

    store: PostgresKeyStore

    async def key(self, role: Role) -> tuple[str, str]:
        key, record = await CreateKey(self.store, SystemClock())(
            role, name="", user_email=None, expires_at=None, actor="ann"
        )
        return key, record.prefix

    async def revoke(self, prefix: str) -> None:
        await RevokeKey(self.store, SystemClock())(prefix, "ann")


@pytest.fixture
async def desk(database: ScratchDatabase) -> AsyncIterator[Desk]:
    session = Session(load_settings(database.environment).database.dsn_kwargs("test"), timeout=30)
    yield Desk(PostgresKeyStore(session))
    await session.close()


@pytest.fixture
async def client(environment: dict[str, str]) -> AsyncIterator[ClientSession]:
    async with serving(environment | {"AUTH_MODE": "keys"}) as client:
        yield client


async def status(client: ClientSession, key: str | None, path: str = _PATH) -> int:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    async with client.get(path, headers=headers) as response:
        return response.status


async def test_only_who_has_a_key_gets_past_the_open_routes(client: ClientSession, desk: Desk) -> None:
    key, _ = await desk.key(Role.READER)
    for path in ("/api/health", "/api/health/live", "/api/health/ready", "/api/openapi.json", "/api/docs"):
        assert await status(client, None, path) == 200
    for path in (_PATH, "/api/metrics", "/api/health/detailed"):
        assert await status(client, None, path) == 401
        assert await status(client, key + "x", path) == 401
        assert await status(client, key, path) == (404 if path == _PATH else 200)


async def test_a_revoked_key_is_refused_five_seconds_later(client: ClientSession, desk: Desk) -> None:
    key, prefix = await desk.key(Role.READER)
    assert await status(client, key) == 404
    await desk.revoke(prefix)
    revoked_at = asked_at = time.monotonic()
    while (found := await status(client, key)) == 404:
        assert asked_at < revoked_at + 5
        await asyncio.sleep(0.05)
        asked_at = time.monotonic()
    assert found == 401


async def test_without_the_database_known_keys_go_on_for_a_while_and_nobody_is_called_unknown(
    client: ClientSession, desk: Desk, database_line: Line
) -> None:
    (known, _), (new, _) = await desk.key(Role.READER), await desk.key(Role.READER)
    assert await status(client, known, "/api/metrics/config") == 200
    await database_line.cut()
    assert await status(client, known, "/api/metrics/config") == 200
    assert await status(client, new, "/api/metrics/config") == 503
    seen = {200}
    deadline = time.monotonic() + 10
    while 503 not in seen and time.monotonic() < deadline:
        seen.add(await status(client, known, "/api/metrics/config"))
        await asyncio.sleep(0.05)
    assert seen == {200, 503}
    await database_line.mend()
    while (found := await status(client, new, "/api/metrics/config")) == 503 and time.monotonic() < deadline + 20:  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    assert found == 200


async def test_slow_lists_keep_nobody_from_being_recognised(
    environment: dict[str, str], desk: Desk, database: ScratchDatabase
) -> None:
    (first, _), (second, _) = await desk.key(Role.READER), await desk.key(Role.READER)
    few = {"AUTH_MODE": "keys", "POSTGRES_MAX_CONNECTIONS": "3", "POSTGRES_CONNECTION_TIMEOUT": "2"}
    async with serving(environment | few) as client:
        with database.connected("owner", autocommit=False) as holder:
            holder.cursor().execute("lock table web_crawl_tasks in access exclusive mode")
            listing = asyncio.create_task(status(client, first, "/api/tasks"))
            while not await asyncio.to_thread(database.run, _WAITING, role="superuser"):
                assert not listing.done()
            assert await status(client, first, _PATH) == 503  # proves that no connection is left for such reads
            assert await status(client, second, "/api/metrics/config") == 200
            assert await status(client, None, "/api/health/ready") == 200
            holder.rollback()
        assert await listing == 200


async def test_writes_carry_the_key_as_their_actor(
    client: ClientSession, desk: Desk, database: ScratchDatabase
) -> None:
    key, prefix = await desk.key(Role.WRITER)
    async with client.post("/api/tasks", json=_NEW, headers={"X-API-Key": key}) as response:
        assert response.status == 201
    assert database.value("select actor from task_events") == f"key:{prefix}"


async def test_the_use_of_a_key_is_noted_at_the_end_at_the_latest(
    environment: dict[str, str], desk: Desk, database: ScratchDatabase
) -> None:
    key, _ = await desk.key(Role.READER)
    async with serving(environment | {"AUTH_MODE": "keys"}) as client:
        await status(client, key)
        assert database.value("select last_used_at from api_keys") is None
    assert database.value("select now() - last_used_at < interval '1 minute' from api_keys")


async def test_tokens_of_the_issuer_are_accepted_beside_keys(environment: dict[str, str], desk: Desk) -> None:
    issuer, stranger = Issuer(), Issuer()

    async def published(_request: web.Request) -> web.Response:
        return web.Response(body=issuer.document(), content_type="application/json")

    provider = web.Application()
    provider.router.add_get("/keys", published)
    async with TestServer(provider) as server:
        settings = {
            "AUTH_MODE": "keys,jwt",
            "AUTH_JWKS_URL": str(server.make_url("/keys")),
            "AUTH_JWT_ISSUER": ISSUER,
            "AUTH_JWT_AUDIENCE": AUDIENCE,
        }
        async with serving(environment | settings) as client:
            key, _ = await desk.key(Role.READER)
            assert await status(client, key) == 404
            assert await status(client, issuer.token()) == 404
            assert await status(client, issuer.token("ec", "ES256", role="reader")) == 404
            assert await status(client, stranger.token()) == 401
            assert await status(client, issuer.token(), "/api/metrics") == 403  # it is bound
            assert await status(client, issuer.token(role="admin", email=None), "/api/metrics") == 200
            async with client.post(
                "/api/tasks", json=_NEW, headers={"Authorization": f"Bearer {issuer.token(email='bob@example.com')}"}
            ) as response:
                assert response.status == 403


def test_the_libraries_for_tokens_are_loaded_only_where_tokens_are_accepted(environment: dict[str, str]) -> None:
    script = """
import asyncio, json, sys
from taskmanager.config.settings import load_settings
from taskmanager.programs.api.application import ApiApplication
from taskmanager.programs.factory import ApplicationFactory

async def build():
    ApiApplication(ApplicationFactory(load_settings(json.loads(sys.argv[1])), "api-00"))
    print(*sorted({name.partition(".")[0] for name in sys.modules} & {"jwt", "cryptography"}))

asyncio.run(build())
"""
    tokens = {
        "AUTH_JWKS_URL": "http://127.0.0.1:1/",
        "AUTH_JWT_ISSUER": ISSUER,
        "AUTH_JWT_AUDIENCE": AUDIENCE,
    }
    for mode, loaded in (("keys", ""), ("jwt", "cryptography jwt")):
        argument = json.dumps(environment | tokens | {"AUTH_MODE": mode})
        done = subprocess.run([sys.executable, "-c", script, argument], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == loaded
