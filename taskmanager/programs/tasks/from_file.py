"""Creates tasks from a file of requests."""

import asyncio
import re
import sys
from collections.abc import Callable
from time import monotonic
from typing import Any, BinaryIO

import click
import msgspec

from taskmanager.client import FieldProblem, RequestFailed, TaskManagerClient, TaskManagerError, ValidationFailed
from taskmanager.client.retrying import is_unknown
from taskmanager.programs.tasks.connection import REFUSED, exit_code, explained, problems
from taskmanager.programs.tasks.printable import line
from taskmanager.programs.tasks.progress import Progress
from taskmanager.programs.tasks.request_lines import BadLine, RequestLines
from taskmanager.server import ExitCode

_SHOWN_MAX = 20
_PLACE = re.compile(r"tasks\[(\d+)\]\.?(.*)", re.DOTALL).fullmatch


def check_lines(file: BinaryIO, first_line: int) -> bool:
    """Whether all lines of a file are requests, before any is sent; names those that are not."""
    bad = 0

    def tell(mistake: BadLine) -> None:
        nonlocal bad
        bad += 1
        if bad <= _SHOWN_MAX:
            tell_line(mistake.number, mistake.problem)

    try:
        for _ in RequestLines(file, first_line=first_line, skipped=tell):
            pass
    except BadLine as mistake:
        tell(mistake)
    if bad:
        more = f"; {bad - _SHOWN_MAX:,} more are not shown" if bad > _SHOWN_MAX else ""
        what = "1 line is no request" if bad == 1 else f"{bad:,} lines are no requests"
        click.echo(f"error: {what}{more}; nothing was sent (--partial leaves out what is wrong)", err=True)
    return not bad


def tell_line(number: int, problem: str) -> None:
    """Says what is wrong with a line."""
    click.echo(f"line {number}: {line(problem)}", err=True)


class Creation:
    """One run: what was created and what was refused so far."""

    def __init__(self, file: BinaryIO, *, first_line: int, partial: bool, as_json: bool) -> None:
        self._partial = partial
        self._as_json = as_json
        self._lines = RequestLines(file, first_line=first_line, skipped=self._refuse_line if partial else None)
        self._created = 0
        self._refused = 0
        self._began = monotonic()

    async def run(self, client: TaskManagerClient, total_bytes: int | None) -> int:
        """Creates them; the exit code."""
        try:
            with Progress("creating", total_bytes) as progress:
                return await self._create(client, lambda: progress(self._lines.bytes_read, self._words()))
        finally:
            click.echo(self._words(), err=True)

    async def _create(self, client: TaskManagerClient, step: Callable[[], None]) -> int:
        try:
            async for outcome in client.create_many(self._lines, partial=self._partial):
                number = self._lines.settle()
                if outcome.id is None:
                    self._refuse(number, outcome.errors)
                else:
                    self._created += 1
                    self._document({"line": number, "id": outcome.id})
                step()
        except BadLine as mistake:
            tell_line(mistake.number, mistake.problem)
            self._tell_rest(mistake.number)
            return REFUSED
        except ValidationFailed as error:
            click.echo("\n".join(["error: a batch was refused", *problems(self._by_line(error))]), err=True)
            self._tell_rest()
            return REFUSED
        except TaskManagerError as error:
            click.echo(f"error: {explained(error)}", err=True)
            self._tell_rest(is_unknown=_may_have_effect(error))
            return exit_code(error)
        except asyncio.CancelledError:
            self._tell_rest(is_unknown=True)
            raise
        return REFUSED if self._refused else ExitCode.OK

    def _refuse_line(self, mistake: BadLine) -> None:
        self._refuse(mistake.number, (FieldProblem("", mistake.problem),))

    def _refuse(self, number: int, errors: tuple[FieldProblem, ...]) -> None:
        self._refused += 1
        self._document({"line": number, "errors": errors})
        tell_line(number, "; ".join(problems(errors)))

    def _document(self, document: dict[str, Any]) -> None:
        if self._as_json:
            click.echo(msgspec.json.encode(document))

    def _by_line(self, error: ValidationFailed) -> tuple[FieldProblem, ...]:
        """The errors of a batch with the lines for the places in it."""
        found: list[FieldProblem] = []
        for problem in error.errors:
            place = _PLACE(problem.path)
            where = problem.path
            if place is not None:
                where = " ".join(filter(None, (f"line {self._lines.line_of(int(place[1]))}", place[2])))
            found.append(FieldProblem(where, problem.message))
        return tuple(found) or (FieldProblem("", error.detail),)

    def _tell_rest(self, bad_line: int | None = None, *, is_unknown: bool = False) -> None:
        """Says from where on nothing was created, so that nobody has to guess where to go on."""
        pending = self._lines.pending
        first = pending[0] if pending else bad_line
        if first is None:
            return
        if pending and is_unknown:
            click.echo(f"whether lines {pending[0]} to {pending[1]} were created is not known: look first", err=True)
        else:
            click.echo(f"nothing from line {first} on was created; go on with --first-line {first}", err=True)

    def _words(self) -> str:
        seconds = max(monotonic() - self._began, 1e-3)
        refused = f", {self._refused:,} refused" if self._refused else ""
        return f"{self._created:,} created{refused} in {seconds:,.1f} s ({self._created / seconds:,.0f}/s)"


def _may_have_effect(error: TaskManagerError) -> bool:
    return is_unknown(error) or (isinstance(error, RequestFailed) and error.after_unknown)


def open_requests(path: str) -> BinaryIO:
    """The file of this name, - for the standard input; raises `click.UsageError`."""
    if path == "-":
        return sys.stdin.buffer
    try:
        return open(path, "rb")  # noqa: PTH123 - the caller closes it
    except OSError as error:
        raise click.UsageError(f"{path} cannot be read: {error.strerror}") from None
