"""What the demo shows."""

import io
from dataclasses import replace

import pytest
from rich.console import Console

from taskmanager.programs.demo.figures import Figures, Rate
from taskmanager.programs.demo.progress import Progress
from taskmanager.programs.demo.view import LineView, LiveView, render

PROGRESS = Progress(
    tasks={"new": 1, "completed": 2345}, read={("t", 0): 7}, skipped={}, ends={("t", 0): 10},
    dead_letters=4, parked=5, claimable=0, expired=6, last_event=9_900, published=9_876,
)  # fmt: skip
FIGURES = Figures("playing", 1.5, 12, 50.0, 99.6, PROGRESS, 7, 3, (("health", "http://127.0.0.1:1234/api/health"),))


def test_a_line_tells_tasks_per_status_traffic_lag_dead_letters_and_what_the_programs_do():
    assert FIGURES.line() == (
        "[   1.5 s] playing: sent 12 | read 100/s, lag 3 | tasks: new 1 in_progress 0 completed 2345 error 0 "
        "cancelled 0 | parked 5, dead letters 4 | published to 9876, backlog 24 | retried 7, expired 6 | consumers 3"
    )


def test_lines_start_with_the_addresses_and_come_every_two_seconds_and_at_every_new_phase():
    told: list[str] = []
    times = iter([0.0, 0.5, 1.9, 2.0, 2.1])
    view = LineView(told.append, lambda: next(times))

    for phase in ("playing", "playing", "playing", "playing", "settling"):
        view.show(replace(FIGURES, phase=phase))

    address, *lines = told
    assert address == "health: http://127.0.0.1:1234/api/health"
    assert [line.split("] ")[1].split(":")[0] for line in lines] == ["playing", "playing", "settling"]


@pytest.mark.parametrize("figures", [FIGURES, replace(FIGURES, progress=None)])
def test_the_panel_fits_any_terminal(figures):
    console = Console(file=io.StringIO(), width=40, record=True)

    console.print(render(figures))

    assert "Task Manager" in console.export_text()


def test_the_live_view_shows_the_figures_and_addresses_and_can_be_closed_twice():
    screen = io.StringIO()
    view = LiveView(Console(file=screen, force_terminal=True, width=120))

    view.note("starting")
    view.show(FIGURES)
    view.close()
    view.close()

    for text in (
        "starting",
        "2,345",
        "100/s",
        "dead letters",
        "9,876",
        "24 behind",
        "http://127.0.0.1:1234/api/health",
    ):
        assert text in screen.getvalue()


class GoneTerminal(io.StringIO):
    def write(self, text: str) -> int:
        raise OSError(5, "Input/output error")


def test_a_terminal_that_is_gone_does_no_harm():
    view = LiveView(Console(file=GoneTerminal(), force_terminal=True, width=120))

    view.note("starting")
    view.show(FIGURES)
    view.close()


def test_a_rate_is_taken_over_the_last_seconds():
    rate = Rate()

    assert rate.add(0, 0) == 0
    assert rate.add(1, 100) == pytest.approx(100)
    assert rate.add(2, 100) == pytest.approx(50)
    for second in range(3, 20):
        last = rate.add(second, 100)
    assert last == 0
