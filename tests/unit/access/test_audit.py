"""The audit log as it is written: every kind of refusal, and no flood of any."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from aiohttp.test_utils import make_mocked_request
from prometheus_client import CollectorRegistry

from taskmanager.api.rest.audit import Audit
from taskmanager.application.access import Refusal
from taskmanager.infrastructure.metrics.access import AccessMetrics
from taskmanager.infrastructure.telemetry.logging import configure_logging


@pytest.fixture
def stream(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.BytesIO]:
    handlers, level, stream = logging.root.handlers[:], logging.root.level, io.BytesIO()
    configure_logging("api", stream=stream)
    monkeypatch.setattr("taskmanager.api.rest.audit._log", structlog.get_logger("taskmanager.api.rest.audit"))
    yield stream
    logging.captureWarnings(capture=False)
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def audit(registry: CollectorRegistry) -> Audit:
    return Audit(AccessMetrics(registry))


def refuse(audit: Audit, reason: Refusal, actor: str, *, sure: bool, times: int = 1) -> None:
    request = make_mocked_request("GET", "/api/tasks?q=secret-question")
    for number in range(times):
        audit.refused(request, 401, reason, address=f"2001:db8:{number:x}::/64", actor=actor, sure=sure)


def lines(stream: io.BytesIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_names_the_request_and_who_it_was_and_nothing_private(audit: Audit, stream: io.BytesIO) -> None:
    structlog.contextvars.bind_contextvars(request_id="order-66")
    refuse(audit, Refusal.NOT_ALLOWED, "jwt:ann@example.com", sure=True)
    (line,) = lines(stream)
    assert {name: line[name] for name in ("event", "request_id", "actor", "reason", "method", "peer")} == {
        "event": "audit", "request_id": "order-66", "actor": "j***@example.com", "reason": "not_allowed",
        "method": "GET", "peer": "2001:db8::/48",
    }  # fmt: skip
    assert "secret-question" not in stream.getvalue().decode()


def test_a_flood_from_everywhere_fills_neither_disk_nor_memory_but_is_counted(
    audit: Audit, stream: io.BytesIO, registry: CollectorRegistry
) -> None:
    refuse(audit, Refusal.UNKNOWN, "key:0123456789", sure=False, times=10_000)
    assert len(lines(stream)) == 5
    labels = {"status": "401", "reason": "unknown"}
    assert registry.get_sample_value("http_access_refusals_total", labels) == 10_000


def test_a_flood_of_one_kind_hides_no_other(audit: Audit, stream: io.BytesIO) -> None:
    refuse(audit, Refusal.UNKNOWN, "key:0123456789", sure=False, times=100)
    refuse(audit, Refusal.NOT_ALLOWED, "key:aaaaaaaaaa", sure=True, times=100)
    refuse(audit, Refusal.NOT_ALLOWED, "key:bbbbbbbbbb", sure=True)
    refuse(audit, Refusal.REVOKED, "key:cccccccccc", sure=False)
    assert [line["actor"] or line["claimed"] for line in lines(stream)] == [
        *["key:0123456789"] * 5,
        *["key:aaaaaaaaaa"] * 5,
        "key:bbbbbbbbbb",
        "key:cccccccccc",
    ]
