"""Shows the run on standard error: a live panel on a terminal, a line now and then elsewhere."""

import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

import click
from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.table import Table

from taskmanager.programs.demo.accounting import STATUSES
from taskmanager.programs.demo.figures import Figures

_LINE_SECONDS = 2.0
_COLOURS = {"new": "cyan", "in_progress": "yellow", "completed": "green", "error": "red", "cancelled": "magenta"}


class View(Protocol):
    """Where progress is shown."""

    def note(self, text: str) -> None:
        """A line that stays."""

    def show(self, figures: Figures) -> None:
        """The present moment, which replaces the one before."""

    def close(self) -> None:
        """Leaves the terminal as it was; more than once does no harm."""


def choose_view() -> View:
    """The live panel where standard error is a terminal, else plain lines."""
    console = Console(stderr=True)
    return LiveView(console) if console.is_terminal else LineView(_tell, time.monotonic)


def _tell(line: str) -> None:
    # The terminal may be gone (SIGHUP); the run still has to end in good order.
    with suppress(OSError):
        click.echo(line, err=True)
        sys.stderr.flush()


class LineView:
    """A line every two seconds, and one whenever the phase changes."""

    def __init__(self, tell: Callable[[str], None], clock: Callable[[], float]) -> None:
        self._tell = tell
        self._clock = clock
        self._phase = ""
        self._next = 0.0

    def note(self, text: str) -> None:
        """A line of its own."""
        self._tell(text)

    def show(self, figures: Figures) -> None:
        """Told if it is time, or if the phase is another."""
        now = self._clock()
        if not self._phase:
            for name, address in figures.addresses:
                self._tell(f"{name}: {address}")
        if figures.phase != self._phase or now >= self._next:
            self._phase = figures.phase
            self._next = now + _LINE_SECONDS
            self._tell(figures.line())

    def close(self) -> None:
        """Nothing to leave."""


class LiveView:
    """A panel that is drawn anew at every moment shown."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, auto_refresh=False)

    def note(self, text: str) -> None:
        """A line above the panel."""
        with suppress(OSError):
            self._console.print(text, highlight=False, markup=False)

    def show(self, figures: Figures) -> None:
        """Drawn at once."""
        with suppress(OSError):
            self._live.start()
            self._live.update(render(figures), refresh=True)

    def close(self) -> None:
        """Leaves the last picture on the terminal."""
        with suppress(OSError):
            self._live.stop()


def render(figures: Figures) -> Panel:
    """The panel: tasks per status, traffic, addresses."""
    tasks = Table.grid(padding=(0, 3))
    traffic = Table.grid(padding=(0, 3))
    progress = figures.progress
    for status in STATUSES:
        count = f"{progress.tasks.get(status, 0):,}" if progress else "-"
        tasks.add_row(f"[{_COLOURS[status]}]{status}[/]", f"[bold]{count}[/]")
    traffic.add_row("sent", f"{figures.sent:,}", f"{figures.sent_rate:,.0f}/s")
    if progress is not None:
        traffic.add_row("read", f"{progress.ingested:,}", f"{figures.ingested_rate:,.0f}/s")
        traffic.add_row("lag", f"{progress.lag:,}", "")
        traffic.add_row("parked", f"{progress.parked:,}", "")
        traffic.add_row("dead letters", f"{progress.dead_letters:,}", "")
        traffic.add_row("published to", f"{progress.published:,}", f"{progress.backlog:,} behind")
        traffic.add_row("retried", f"{figures.retried:,}", "")
        traffic.add_row("expired", f"{progress.expired:,}", "")
        traffic.add_row("consumers", f"{figures.consumers:,}", "[dim]bin/scale N[/]")
    figures_grid = Table.grid(padding=(0, 6))
    figures_grid.add_row(tasks, traffic)
    links = Table.grid(padding=(0, 3))
    for name, address in figures.addresses:
        links.add_row(f"[dim]{name}[/]", address)
    return Panel(
        Group(figures_grid, "", links),
        title=f"Task Manager · {figures.phase} · {figures.seconds:.0f} s",
        subtitle="Ctrl-C stops everything",
        expand=False,
    )
