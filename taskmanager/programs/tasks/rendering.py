"""Tasks and what happens to them, as text for people."""

import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import click
import msgspec

from taskmanager.client import Event, HistoryEntry, ListedTask, TaskStatistics, TaskView
from taskmanager.programs.tasks.printable import line, shortened, table

_COLOURS = {"completed": "green", "error": "red", "cancelled": "yellow", "in_progress": "cyan"}
_STATUS_WIDTH = 11
_USER_WIDTH = 26
_ID_WIDTH = 36
_TIME_WIDTH = 20
_GAP = 2
_TASK_MIN = 20
_LONG_TEXT = 2000


def width() -> int | None:
    """How many characters a line on the terminal has; None where the output is none."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def list_head(columns: int | None) -> str:
    """The names of the columns of `list_line`."""
    return _list_line(("ID", f"{'STATUS':<{_STATUS_WIDTH}}", "CREATED", "USER", "TASK"), columns)


def list_line(task: ListedTask, columns: int | None) -> str:
    """A task in one line; where `columns` are too few for all of it, first the user is left out, then the time."""
    user = shortened(task.user_email, _USER_WIDTH if columns else None)
    what = line(f"{task.original_url}  {task.user_query}")
    return _list_line((line(task.id), status_text(task.status), time_text(task.created_at), user, what), columns)


def _list_line(cells: tuple[str, str, str, str, str], columns: int | None) -> str:
    task_id, status, time, user, what = cells
    shown, room = [f"{task_id:<{_ID_WIDTH}}", status], (columns or 0) - _ID_WIDTH - _STATUS_WIDTH - 2 * _GAP
    for cell, width in ((time, _TIME_WIDTH), (user, _USER_WIDTH)):
        if columns is not None and room - width - _GAP < _TASK_MIN:
            break
        shown.append(f"{cell:<{width}}")
        room -= width + _GAP
    shown.append(shortened(what, None if columns is None else max(room, _TASK_MIN)))
    return "  ".join(shown)


def task_text(task: TaskView) -> str:
    """Everything about a task, a line for each thing that there is."""
    progress = "" if task.progress is None or task.status != "in_progress" else f", {task.progress:.0%} done"
    attempt = f"attempt {task.attempt}, version {task.version}{progress}"
    names: list[tuple[str, object]] = [
        ("status", f"{status_text(task.status, width=0)} ({attempt})"),
        ("user", task.user_email),
        ("query", task.user_query),
        ("url", task.original_url),
        *((f"metadata.{name}", value) for name, value in task.metadata.items()),
        ("correlation id", task.correlation_id),
        ("created", task.created_at),
        ("not before", task.not_before),
        ("started", task.started_at),
        ("last heartbeat", task.last_heartbeat_at),
        ("finished", task.finished_at),
        ("took", None if task.duration_seconds is None else f"{task.duration_seconds:,.1f} s"),
        ("worker", task.worker),
        ("error", task.error),
        ("retryable", task.retryable),
        ("result", task.result),
    ]
    shown = [(name, _shown(name, value)) for name, value in names if value is not None]
    return "\n".join([f"task {line(task.id)}", *(f"  {line(name):<14}  {value}" for name, value in shown)])


def event_line(event: Event) -> str:
    """An event of the log in one line."""
    status = status_text(event.status or "-")
    return f"{time_text(event.recorded_at)}  {line(event.task_id)}  {status}  {_account(event.type, event)}".rstrip()


def history_lines(entries: Sequence[HistoryEntry]) -> Iterator[str]:
    """A line for each thing that happened to a task."""
    for entry in entries:
        what = entry.type if entry.kind == "event" else f"{entry.kind} ({entry.reason or 'the task was not known'})"
        status = status_text(entry.status or "-")
        yield f"  {time_text(entry.recorded_at)}  {status}  {_account(what or entry.kind, entry)}".rstrip()


def statistics_text(figures: TaskStatistics) -> str:
    """Counts, durations and rates."""
    rows = [("STATUS", "TASKS", "P50", "P95", "MEASURED")]
    for status, count in figures.tasks.items():
        durations = figures.durations.get(status)
        rows.append(
            (
                line(status),
                f"{count:,}",
                _seconds(durations.p50_seconds if durations else None),
                _seconds(durations.p95_seconds if durations else None),
                f"{durations.sample_size:,}" if durations and durations.sample_size else "",
            )
        )
    rates = f"{figures.created_per_second:,.2f} created and {figures.settled_per_second:,.2f} settled a second"
    return "\n".join(
        (
            f"created from {time_text(figures.from_)} to {time_text(figures.to)}"
            + (" (a shorter time than was asked for: there are very many)" if figures.is_shortened else ""),
            table(rows),
            f"{figures.total:,} tasks; {rates}",
        )
    )


def status_text(status: str, *, width: int = _STATUS_WIDTH) -> str:
    """A status padded to the width of its column, in its colour unless NO_COLOR says none; for terminals alone."""
    padded = f"{line(status):<{width}}"
    colour = _COLOURS.get(status)
    return click.style(padded, fg=colour) if colour and not os.environ.get("NO_COLOR") else padded


def time_text(time: datetime) -> str:
    """A time in UTC, to the second."""
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}"


def _account(what: str, told: Event | HistoryEntry) -> str:
    details = {name: value for name, value in told.data.items() if value not in (None, {}, "")}
    words: list[str] = [line(what)]
    if told.attempt is not None and told.attempt > 1:
        words.append(f"attempt {told.attempt}")
    words += [f"{line(name)}={_detail(value)}" for name, value in details.items()]
    return "  ".join(words + ([f"by {line(told.actor)}"] if told.actor else []))


def _detail(value: Any) -> str:
    return shortened(value if isinstance(value, str) else msgspec.json.encode(value).decode(), 120)


def _shown(name: str, value: object) -> str:
    if isinstance(value, datetime):
        return time_text(value)
    if name == "status":
        return str(value)  # it holds a colour
    text = {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
    more = len(text) - _LONG_TEXT
    return line(text[:_LONG_TEXT]) + (f" ({more:,} characters more: --json)" if more > 0 else "")


def _seconds(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:,.1f} s"
