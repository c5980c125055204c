"""From rounds to figures."""

import json

from loadtests.bench.api.figures import Figures, Round, document, table
from loadtests.bench.api.load import Outcome


def _round(in_window: int, p99_ms: float, server: float = 50.0) -> Round:
    outcome = Outcome(
        answered=in_window + 10,
        in_window=in_window,
        p50_ms=p99_ms / 2,
        p99_ms=p99_ms,
        max_ms=2 * p99_ms,
        sample="{}",
        cpu_seconds=1,
    )
    return Round(outcome, 2.0, {"server": server, "postgres": 20.0})


def test_figures_are_medians_each_by_itself() -> None:
    figures = Figures.of([_round(1000, 9, 70), _round(4000, 5, 50), _round(3000, 30, 60)])

    assert figures == Figures(1500, 4.5, 9, {"server": 60, "postgres": 20})


def test_the_document_is_one_line_by_kind_and_server() -> None:
    text = document({"post": {"taskmanager": Figures(1500.4, 4.567, 9.0, {"server": 60.04})}, "get": {}})

    assert "\n" not in text
    assert json.loads(text) == {
        "post": {"taskmanager": {"perSecond": 1500, "p50Ms": 4.57, "p99Ms": 9.0, "serverCpuMicros": 60.0}},
        "get": {},
    }


def test_the_table_begins_with_the_fastest_and_compares_ours_with_each_peer() -> None:
    lines = table(
        {
            "fastapi": Figures(500, 20, 40, {"server": 400}),
            "taskmanager": Figures(2000, 4, 9, {"server": 60}),
            "go": Figures(2500, 4, 9, {"server": 80}),
        }
    ).splitlines()

    assert [line.split()[0] for line in lines[1:]] == ["go", "taskmanager", "fastapi"]
    assert "0.80 ×" in lines[1]
    assert "×" not in lines[2]
    assert "4.00 ×" in lines[3]


def test_the_table_compares_nothing_where_ours_was_left_out() -> None:
    assert "×" not in table({"go": Figures(2500, 4, 9, {"server": 80})})
