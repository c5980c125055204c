"""One repeated line does not drown the others."""

import pytest
import structlog

from taskmanager.infrastructure.telemetry.rate_limit import TEMPLATE, RateLimit


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def passes(limit: RateLimit, event: str, logger: str = "a", **more: object) -> dict[str, object] | None:
    try:
        return dict(limit(None, "info", {"event": event, "logger": logger, **more}))
    except structlog.DropEvent:
        return None


def test_five_lines_pass_and_the_rest_of_the_window_is_dropped(clock: Clock) -> None:
    limit = RateLimit(clock=clock)
    assert [passes(limit, "x") is not None for _ in range(8)] == [True] * 5 + [False] * 3


def test_the_first_line_after_the_window_tells_how_many_were_dropped(clock: Clock) -> None:
    limit = RateLimit(clock=clock)
    for _ in range(8):
        passes(limit, "x")
    clock.now += 9.99
    assert passes(limit, "x") is None
    clock.now += 0.01
    assert passes(limit, "x") == {"event": "x", "logger": "a", "suppressed": 4}
    assert passes(limit, "x") == {"event": "x", "logger": "a"}


def test_other_events_and_loggers_have_windows_of_their_own(clock: Clock) -> None:
    limit = RateLimit(1, clock=clock)
    assert passes(limit, "x")
    assert passes(limit, "y")
    assert passes(limit, "x", logger="b")
    assert passes(limit, "x") is None


def test_values_inside_a_text_make_no_difference(clock: Clock) -> None:
    limit = RateLimit(1, clock=clock)
    assert passes(limit, "took 1 s", **{TEMPLATE: "took %d s"}) == {"event": "took 1 s", "logger": "a"}
    assert passes(limit, "took 2 s", **{TEMPLATE: "took %d s"}) is None


def test_what_was_dropped_last_is_handed_over_once(clock: Clock) -> None:
    limit = RateLimit(1, clock=clock)
    for event in ["x", "x", "x", "y"]:
        passes(limit, event)
    assert list(limit.drain()) == [("x", "a", 2)]
    assert list(limit.drain()) == []


def test_the_number_of_windows_is_bounded(clock: Clock) -> None:
    limit = RateLimit(1, most_windows=2, clock=clock)
    for event in ["x", "y", "z"]:
        assert passes(limit, event)
    assert passes(limit, "z") is None
    assert passes(limit, "x"), "the oldest window was given up"
