"""One JSON object per line, whoever logs and whatever is logged."""

import io
import json
import logging
import sys
import threading
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import structlog
from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from taskmanager.infrastructure.telemetry.logging import configure_logging
from taskmanager.infrastructure.telemetry.rate_limit import RateLimit


@pytest.fixture(autouse=True)
def _logging_is_put_back() -> Iterator[None]:
    handlers, level = logging.root.handlers[:], logging.root.level
    yield
    logging.captureWarnings(capture=False)
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


@pytest.fixture
def stream() -> io.BytesIO:
    return io.BytesIO()


def lines(stream: io.BytesIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def only_line(stream: io.BytesIO) -> dict[str, Any]:
    (line,) = lines(stream)
    return line


def test_a_line_tells_when_where_and_what(stream: io.BytesIO) -> None:
    configure_logging("consumer", slot="consumer-03", stream=stream)
    structlog.get_logger("some.module").info("batch_written", rows=2000)
    line = only_line(stream)
    assert abs((datetime.now(UTC) - datetime.fromisoformat(line.pop("timestamp"))).total_seconds()) < 60
    assert line.pop("pid") > 0
    assert line == {
        "level": "info",
        "event": "batch_written",
        "rows": 2000,
        "logger": "some.module",
        "process": "consumer",
        "slot": "consumer-03",
    }


def test_the_time_is_in_utc(stream: io.BytesIO) -> None:
    configure_logging("x", stream=stream)
    structlog.get_logger().info("now")
    assert only_line(stream)["timestamp"].endswith("Z")


def test_the_standard_librarys_lines_come_out_alike(stream: io.BytesIO) -> None:
    configure_logging("api", stream=stream)
    logging.getLogger("aiohttp.access").warning("%s took %d ms", "GET", 5)
    line = only_line(stream)
    assert (line["event"], line["logger"], line["level"]) == ("GET took 5 ms", "aiohttp.access", "warning")
    assert line["process"] == "api"
    assert not any(key.startswith("_") for key in line)


def test_warnings_are_lines_too(stream: io.BytesIO) -> None:
    configure_logging("x", stream=stream)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=True)
        warnings.warn("old thing", DeprecationWarning, stacklevel=1)
        logging.captureWarnings(capture=False)
    assert only_line(stream)["logger"] == "py.warnings"


@pytest.mark.parametrize(
    ("level", "written"), [("debug", 5), ("info", 4), ("warning", 3), ("error", 2), ("critical", 1)]
)
def test_the_level_holds_for_both_kinds(stream: io.BytesIO, level: str, written: int) -> None:
    configure_logging("x", level=level, stream=stream)
    for name in ["debug", "info", "warning", "error", "critical"]:
        getattr(structlog.get_logger("a"), name)(f"structlog {name}")
        getattr(logging.getLogger("b"), name)(f"stdlib {name}")
    assert len(lines(stream)) == 2 * written
    assert {line["event"].split()[1] for line in lines(stream)} == {line["level"] for line in lines(stream)}


@pytest.mark.parametrize("kind", ["structlog", "stdlib"])
def test_an_exception_is_structured_masked_and_without_local_variables(stream: io.BytesIO, kind: str) -> None:
    configure_logging("x", stream=stream, secrets=["hidden-word"])
    logger = structlog.get_logger("a") if kind == "structlog" else logging.getLogger("a")
    local_variable = "seen-nowhere"
    try:
        raise ValueError(f"no hidden-word for bob@example.com {len(local_variable)}")
    except ValueError:
        logger.exception("failed")
    line = only_line(stream)
    assert line["level"] == "error"
    assert line["exception"][0]["exc_type"] == "ValueError"
    assert line["exception"][0]["exc_value"] == "no *** for b***@example.com 12"
    assert line["exception"][0]["frames"][-1]["name"].startswith("test_an_exception")
    assert b"seen-nowhere" not in stream.getvalue()


def test_secrets_and_addresses_are_masked(stream: io.BytesIO) -> None:
    configure_logging("x", stream=stream, secrets=["hidden-word"])
    structlog.get_logger().info(
        "login hidden-word", user="alice@example.com", password="short", detail={"dsn": "x:hidden-word"}
    )
    logging.getLogger("a").info("mail to %s", "alice@example.com")
    text = stream.getvalue().decode()
    assert "hidden-word" not in text
    assert "short" not in text
    assert text.count("a***@example.com") == 2


def test_the_current_span_is_named(stream: io.BytesIO) -> None:
    configure_logging("x", stream=stream)
    context = SpanContext(trace_id=0xABC, span_id=0xDEF, is_remote=False, trace_flags=TraceFlags(1))
    with trace.use_span(NonRecordingSpan(context)):
        structlog.get_logger().info("inside")
        logging.getLogger("a").info("inside too")
    structlog.get_logger().info("outside")
    first, second, third = lines(stream)
    assert (first["trace_id"], first["span_id"]) == ("0" * 29 + "abc", "0" * 13 + "def")
    assert second["trace_id"] == first["trace_id"]
    assert "trace_id" not in third


def test_bound_context_is_on_the_line(stream: io.BytesIO) -> None:
    configure_logging("x", stream=stream)
    structlog.contextvars.bind_contextvars(correlation_id="c-1")
    structlog.get_logger().bind(partition=3).info("x")
    line = only_line(stream)
    assert (line["correlation_id"], line["partition"]) == ("c-1", 3)


def test_a_repeated_line_is_limited_and_the_rest_is_told_at_the_end(stream: io.BytesIO) -> None:
    tell = configure_logging("x", stream=stream, rate_limit=RateLimit(2, clock=lambda: 0.0))
    for number in range(5):
        structlog.get_logger("a").error("down")
        logging.getLogger("b").error("attempt %d", number)
    tell()
    assert [line["event"] for line in lines(stream)] == [
        *["down", "attempt 0", "down", "attempt 1"],
        *["lines_suppressed", "lines_suppressed"],
    ]
    assert [(line["of"], line["suppressed"]) for line in lines(stream)[4:]] == [("down", 3), ("attempt %d", 3)]


@pytest.mark.parametrize(
    "value",
    [
        "\ud800",
        "\0\n\x7f",
        2**70,
        float("nan"),
        {1: {2}},
        b"\xff",
        object(),
        datetime(2026, 1, 1, tzinfo=UTC),
        {"\ud800": 1},
    ],
)
def test_no_value_costs_the_line(stream: io.BytesIO, value: object) -> None:
    configure_logging("x", stream=stream)
    structlog.get_logger().info("odd", value=value)
    logging.getLogger("a").info("odd %s", value)
    first, second = lines(stream)
    assert first["event"] == "odd"
    assert "value" in first
    assert second["event"].startswith("odd ")


def test_lines_of_several_threads_stay_whole(stream: io.BytesIO) -> None:
    configure_logging("x", stream=stream, rate_limit=RateLimit(10_000))

    def log() -> None:
        for number in range(200):
            structlog.get_logger().info("line", number=number, padding="x" * 500)

    threads = [threading.Thread(target=log) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(lines(stream)) == 800


def test_a_reader_that_has_gone_is_no_error() -> None:
    class Closed(io.BytesIO):
        def write(self, _data: Any) -> int:
            raise BrokenPipeError

    configure_logging("x", stream=Closed())
    structlog.get_logger().info("unheard")
    logging.getLogger("a").info("unheard")


def test_a_bad_format_string_is_no_error(stream: io.BytesIO, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("x", stream=stream)
    logging.getLogger("a").info("%d items", "many")
    assert stream.getvalue() == b""
    assert "Logging error" in capsys.readouterr().err


def test_people_at_a_terminal_get_text_not_json(stream: io.BytesIO) -> None:
    configure_logging("x", stream=stream, human=True)
    try:
        raise ValueError("for bob@example.com")
    except ValueError:
        structlog.get_logger().exception("went_wrong")
    text = stream.getvalue().decode()
    assert "went_wrong" in text
    assert "Traceback (most recent call last)" in text
    assert "ValueError: for b***@example.com" in text


def test_a_terminal_is_recognised(monkeypatch: pytest.MonkeyPatch) -> None:
    for is_terminal in (True, False):
        output = io.TextIOWrapper(io.BytesIO())
        monkeypatch.setattr(output, "isatty", lambda answer=is_terminal: answer)
        monkeypatch.setattr(sys, "stdout", output)
        configure_logging("x")
        structlog.get_logger().info("hello")
        assert output.buffer.getvalue().startswith(b"{") is not is_terminal  # type: ignore[attr-defined]
