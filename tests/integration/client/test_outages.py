"""The client and an API program that goes away, or asks who is there."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from taskmanager.application.principal import Role
from taskmanager.application.use_cases.keys.create_key import CreateKey
from taskmanager.client import Forbidden, NotFound, RetryPolicy, TaskManagerClient, Unauthorized
from taskmanager.config.settings import load_settings
from taskmanager.domain.values import UserEmail
from taskmanager.infrastructure.postgres.api_keys import PostgresKeyStore
from taskmanager.infrastructure.postgres.session import Session
from taskmanager.programs.clock import SystemClock
from tests.integration.api.conftest import Line, serving
from tests.scratch import ScratchDatabase

from .conftest import NEW


@pytest.fixture
async def keys(database: ScratchDatabase) -> AsyncIterator[CreateKey]:
    session = Session(load_settings(database.environment).database.dsn_kwargs("test"), timeout=30)
    yield CreateKey(PostgresKeyStore(session), SystemClock())
    await session.close()


async def test_a_stream_outlives_the_server(environment: dict[str, str]) -> None:
    interrupted = asyncio.Event()
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(AsyncExitStack())
        url = str((await first.enter_async_context(serving(environment)))._base_url)
        client = await stack.enter_async_context(TaskManagerClient(url))
        events = await stack.enter_async_context(client.stream(on_interruption=lambda *_: interrupted.set()))
        made = [(await client.create(NEW)).id]
        heard = [(await anext(events)).task_id]
        made.append((await client.create(NEW)).id)
        await first.aclose()
        rest = asyncio.create_task(take(events, 2))
        await interrupted.wait()
        await stack.enter_async_context(serving(environment))
        made.append((await client.create(NEW)).id)
        async with asyncio.timeout(60):
            heard += await rest
    assert heard == made


async def take(events: AsyncIterator[object], count: int) -> list[str]:
    return [(await anext(events)).task_id for _ in range(count)]  # type: ignore[attr-defined]


async def test_a_create_outlives_a_database_that_is_away(
    client: TaskManagerClient, url: str, database: ScratchDatabase, database_line: Line
) -> None:
    await client.create(NEW)
    tried = asyncio.Event()
    policy = RetryPolicy(attempts=60, longest_pause=1.0)
    async with TaskManagerClient(url, retries=policy, on_retry=lambda *_: tried.set()) as patient:
        await database_line.cut()
        creating = asyncio.create_task(patient.create(NEW))
        await tried.wait()
        await database_line.mend()
        task = await creating
    assert (await client.get(task.id)).version == 1
    assert database.value("select count(*) from web_crawl_tasks") == 2


async def test_a_key_says_what_may_be_done(environment: dict[str, str], keys: CreateKey) -> None:
    async def key(role: Role, user: str | None = None) -> str:
        made, _ = await keys(role, name="", user_email=UserEmail(user) if user else None, expires_at=None, actor="test")
        return made

    async with serving(environment | {"AUTH_MODE": "keys"}) as session, AsyncExitStack() as stack:
        url = str(session._base_url)

        async def caller(token: str | None) -> TaskManagerClient:
            return await stack.enter_async_context(TaskManagerClient(url, token=token))

        writer, ann = await caller(await key(Role.WRITER)), await caller(await key(Role.WRITER, "ann@example.com"))
        reader, bob = await caller(await key(Role.READER)), await caller(await key(Role.READER, "bob@example.com"))
        task = await writer.create(NEW)
        with pytest.raises(Unauthorized):
            await (await caller(None)).get(task.id)
        with pytest.raises(Unauthorized):
            await (await caller("tm_0123456789_nonsense")).get(task.id)
        with pytest.raises(Forbidden, match="reader"):
            await reader.cancel(task.id)
        with pytest.raises(Forbidden):
            await reader.dead_letters.get(1)
        assert await ann.get(task.id) == await reader.get(task.id)
        with pytest.raises(NotFound):
            await bob.get(task.id)
        assert [each async for each in bob.list_tasks()] == []
        with pytest.raises(NotFound):
            await bob.statistics(user_email="ann@example.com")
