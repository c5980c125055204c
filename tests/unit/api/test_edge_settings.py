"""The settings of the edge, and what is made of them."""

import resource

import pytest
from structlog.testing import capture_logs

from taskmanager.api.rest.endpoint import OpenGate
from taskmanager.api.rest.gate import API_KEY
from taskmanager.api.rest.limited_gate import LimitedGate
from taskmanager.api.rest.middlewares.request_id import HEADER as REQUEST_ID
from taskmanager.api.rest.openapi.headers import REQUEST_HEADERS
from taskmanager.config.errors import ConfigurationError
from taskmanager.config.settings import load_settings
from taskmanager.programs.api import edge as program


def rest(**environ: str):
    return load_settings(environ).rest


def test_by_default_nothing_is_limited_and_no_origin_is_let_in() -> None:
    made = program.edge(rest(), lambda: False)
    assert (made.cors, made.by_address, made.middlewares()) == (None, None, [])
    gate = OpenGate()
    assert program.limited(gate, rest()) is gate


def test_each_rule_is_switched_on_by_its_setting() -> None:
    settings = rest(
        CORS_ORIGINS="https://a.example", RATE_LIMIT_PER_ADDRESS="5", RATE_LIMIT_PER_KEY="2", HTTP_BODY_TIMEOUT="3"
    )
    made = program.edge(settings, lambda: False)
    assert made.cors is not None
    assert made.by_address is not None
    assert made.by_address.policy == '"address";q=50;w=10'
    assert made.body_timeout == 3
    assert len(made.middlewares()) == 2
    assert isinstance(program.limited(OpenGate(), settings), LimitedGate)


def test_by_default_pages_may_send_every_header_that_the_interface_minds() -> None:
    minded = {name.lower() for name in (*REQUEST_HEADERS, API_KEY, REQUEST_ID, "Authorization", "Content-Type")}

    assert minded == {name.lower() for name in rest().cors_headers}


@pytest.mark.parametrize("value", ["10.0.0.0/33", "proxy.example.com", "10.0.0.1/8", "10.0.0.1;::1"])
def test_proxies_are_named_by_address_or_network(value: str) -> None:
    with pytest.raises(ConfigurationError, match="is no address or network; write"):
        load_settings({"TRUSTED_PROXIES": value})


def test_failed_authentications_run_out_and_come_back_slowly() -> None:
    failures = program.failed_authentications()
    assert [failures.take("192.0.2.1").allowed for _ in range(21)] == [True] * 20 + [False]
    assert not failures.look("192.0.2.1").allowed
    assert failures.look("192.0.2.2").allowed


class Files:
    """What the system says of open files."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, soft: int, hard: int) -> None:
        self.asked: list[tuple[int, int]] = []
        monkeypatch.setattr(resource, "getrlimit", lambda _kind: (soft, hard))
        monkeypatch.setattr(resource, "setrlimit", lambda _kind, limits: self.asked.append(limits))


def test_where_the_limit_of_files_is_too_low_it_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    files = Files(monkeypatch, 1024, 65_536)
    assert program._affordable(10_000) == 10_000
    assert files.asked == [(10_256, 65_536)]


def test_where_it_cannot_be_raised_enough_there_are_fewer_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    files = Files(monkeypatch, 1024, 4096)
    with capture_logs() as lines:
        assert program._affordable(10_000) == 4096 - 256
    assert files.asked == [(4096, 4096)]
    assert [line["connections"] for line in lines] == [3840]


def test_where_it_is_high_enough_it_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    files = Files(monkeypatch, 20_000, 20_000)
    assert program._affordable(10_000) == 10_000
    files = Files(monkeypatch, resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    assert program._affordable(10_000) == 10_000
    assert files.asked == []
