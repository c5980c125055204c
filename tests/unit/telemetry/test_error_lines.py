"""Error lines on their way to operators."""

import io
import json
import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from threading import Thread
from typing import Any

import pytest
import structlog

from taskmanager.infrastructure.telemetry.error_lines import ErrorLines
from taskmanager.infrastructure.telemetry.logging import configure_logging
from taskmanager.infrastructure.telemetry.rate_limit import RateLimit

Configure = Callable[[ErrorLines], None]


@pytest.fixture
def configure() -> Iterator[Configure]:
    """Logs as a program does, to nowhere."""
    handlers, level = logging.root.handlers[:], logging.root.level

    def start(errors: ErrorLines, **options: Any) -> None:
        configure_logging(
            "relay",
            slot="relay-00",
            stream=io.BytesIO(),
            secrets=["hidden-word"],
            rate_limit=RateLimit(100_000),
            export=[errors],
            **options,
        )

    yield start
    logging.captureWarnings(capture=False)
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)
    structlog.reset_defaults()


def test_errors_and_worse_are_kept_and_nothing_else(configure: Configure) -> None:
    errors = ErrorLines()
    configure(errors)
    for name in ["debug", "info", "warning", "error", "critical"]:
        getattr(structlog.get_logger("a"), name)(f"structlog {name}")
        getattr(logging.getLogger("b"), name)(f"stdlib {name}")
    lines, missed = errors.take(100)

    assert [line.event for line in lines] == [
        f"{kind} {level}" for level in ["error", "critical"] for kind in ["structlog", "stdlib"]
    ]
    assert missed == 0
    assert errors.take(100) == ([], 0)


def test_a_line_tells_masked_what_the_log_tells(configure: Configure) -> None:
    errors = ErrorLines()
    configure(errors)
    structlog.get_logger("some.module").error("lost hidden-word", user="bob@example.com", dsn={"password": "abc"}, n=3)
    (line,), _ = errors.take(1)

    assert datetime.now(UTC) - line.logged_at < timedelta(minutes=1)
    assert line.event == "lost ***"
    assert json.loads(line.detail) == {
        "user": "b***@example.com",
        "dsn": {"password": "***"},
        "n": 3,
        "logger": "some.module",
    }


def test_an_exception_is_told_without_its_frames(configure: Configure) -> None:
    errors = ErrorLines()
    configure(errors)
    try:
        try:
            raise OSError("no hidden-word")
        except OSError as error:
            raise ValueError("odd") from error
    except ValueError:
        structlog.get_logger("a").exception("failed")
    (line,), _ = errors.take(1)

    assert json.loads(line.detail)["exception"] == ["ValueError: odd", "OSError: no ***"]


def test_the_first_are_kept_and_the_others_counted_whatever_threads_log(configure: Configure) -> None:
    errors = ErrorLines(most=50)
    configure(errors)

    def log() -> None:
        for _ in range(40):
            structlog.get_logger("a").error("failed", value=object())

    threads = [Thread(target=log) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    lines, missed = errors.take(30)
    assert (len(lines), missed) == (30, 110)
    lines, missed = errors.take(30)
    assert (len(lines), missed) == (20, 0)


def test_who_passes_lines_on_does_not_hear_of_himself(configure: Configure) -> None:
    errors = ErrorLines(ignored=["publisher"])
    configure(errors)
    structlog.get_logger("publisher.inside").error("cannot publish")
    structlog.get_logger("other").error("heard")

    assert [line.event for line in errors.take(10)[0]] == ["heard"]


@pytest.mark.parametrize("value", ["\ud800", float("nan"), 2**70, {1: {2}}, b"\xff"])
def test_no_value_costs_the_line(configure: Configure, value: object) -> None:
    errors = ErrorLines()
    configure(errors)
    structlog.get_logger("a").error("odd", value=value)

    assert len(errors.take(10)[0]) == 1
