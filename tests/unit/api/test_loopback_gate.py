"""A service that asks for no token answers to its own machine's names alone."""

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from taskmanager.api.rest.loopback_gate import LoopbackGate
from taskmanager.api.rest.problems import Problem
from taskmanager.application.principal import ANONYMOUS, Permission


def request(host: str) -> web.Request:
    return make_mocked_request("GET", "/api/tasks", headers={"Host": host})


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1:8080",
        "localhost",
        "LocalHost:8080",
        "api.localhost:1",
        "[::1]:8080",
        "[::1]",
        "10.0.0.7",
        "api:80",
        "",
    ],
)
async def test_names_of_the_machine_itself_are_answered(host: str) -> None:
    assert await LoopbackGate().admit(request(host), Permission.READ) is ANONYMOUS


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8080", "localhost.evil.example", "127.0.0.1.evil.example", "evil.example."]
)
async def test_a_name_that_somebody_let_lead_here_is_not(host: str) -> None:
    with pytest.raises(Problem, match="AUTH_MODE") as refused:
        await LoopbackGate().admit(request(host), Permission.READ)
    assert refused.value.status == 421
