"""How an identity provider is asked for its keys, and what it may answer."""

from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from pytest_aiohttp.plugin import AiohttpServer

from taskmanager.infrastructure.identity.endpoint import FetchError, JwksEndpoint


class Provider:
    """Answers with what a test puts there."""

    def __init__(self) -> None:
        self.answer = web.Response(body=b'{"keys": []}')
        self.asked: list[web.Request] = []

    async def serve(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request)
        return self.answer


@pytest.fixture
def provider() -> Provider:
    return Provider()


@pytest.fixture
async def server(provider: Provider, aiohttp_server: AiohttpServer) -> TestServer:
    application = web.Application()
    application.router.add_get("/{path:.*}", provider.serve)
    return await aiohttp_server(application)


@pytest.fixture
async def endpoint(server: TestServer) -> AsyncIterator[JwksEndpoint]:
    endpoint = JwksEndpoint(str(server.make_url("/keys")))
    yield endpoint
    await endpoint.close()


async def problem(endpoint: JwksEndpoint) -> str:
    with pytest.raises(FetchError) as caught:
        await endpoint.fetch()
    return str(caught.value)


async def test_the_document_comes_as_it_is(endpoint: JwksEndpoint, provider: Provider) -> None:
    assert await endpoint.fetch() == b'{"keys": []}'
    assert [request.path for request in provider.asked] == ["/keys"]


async def test_nobody_is_followed_elsewhere(endpoint: JwksEndpoint, provider: Provider) -> None:
    provider.answer = web.Response(status=302, headers={"Location": "/elsewhere"})
    assert await problem(endpoint) == "the provider answered 302"
    assert [request.path for request in provider.asked] == ["/keys"]


@pytest.mark.parametrize("status", [204, 404, 500])
async def test_anything_but_success_is_a_failure(endpoint: JwksEndpoint, provider: Provider, status: int) -> None:
    provider.answer = web.Response(status=status)
    assert await problem(endpoint) == f"the provider answered {status}"


async def test_no_more_is_read_than_any_key_set_needs(endpoint: JwksEndpoint, provider: Provider) -> None:
    provider.answer = web.Response(body=b" " * (256 * 1024 + 1))
    assert "longer than" in await problem(endpoint)


async def test_nothing_is_unpacked(endpoint: JwksEndpoint, provider: Provider) -> None:
    packed = web.Response(body=b" " * 10_000)
    packed.enable_compression(web.ContentCoding.gzip)
    provider.answer = packed
    assert len(await endpoint.fetch()) < 1000
    assert provider.asked[0].headers["Accept-Encoding"] == "identity"


async def test_a_provider_that_is_away_is_told_in_one_line(endpoint: JwksEndpoint, server: TestServer) -> None:
    await server.close()
    told = await problem(endpoint)
    assert "ClientConnectorError" in told
    assert told.isprintable()


async def test_it_may_be_closed_twice_and_before_it_was_used() -> None:
    endpoint = JwksEndpoint("https://id.example.com/keys")
    await endpoint.close()
    await endpoint.close()
