"""Which server is spoken to, with which token, and how its failures are told."""

import os
import sys
from collections.abc import Awaitable, Callable
from math import ceil
from pathlib import Path
from typing import NamedTuple

import click
import uvloop

from taskmanager.client import (
    FieldProblem,
    RateLimited,
    RequestFailed,
    RetryPolicy,
    TaskManagerClient,
    TaskManagerError,
    Unauthorized,
    Unavailable,
    Unreachable,
)
from taskmanager.programs.running_appliances import running_appliances
from taskmanager.programs.tasks.printable import line
from taskmanager.server import ExitCode

REFUSED = 1
"""The exit code where the server, or the state of a task, says no."""
_BROKEN_PIPE = 141  # as shells tell the end by SIGPIPE
_DEFAULT_PORT = 3000
_RETRIES = RetryPolicy(attempts=5)
_PAUSE_WORTH_A_WORD = 1.0
_SHOWN_MAX = 20


class Connection(NamedTuple):
    """What the options and the environment say of the server."""

    url: str | None
    token: str | None
    token_file: Path | None

    def client(self) -> TaskManagerClient:
        """A client, not open yet; raises `click.ClickException`."""
        url = self.url or _address_here()
        try:
            return TaskManagerClient(url, token=self._token(), retries=_RETRIES, on_retry=_tell_pause)
        except ValueError as error:
            raise click.UsageError(f"{error}; it comes from --server or TASKMANAGER_URL") from None

    def _token(self) -> str | None:
        if self.token_file is None:
            token, source = self.token, "TASKMANAGER_TOKEN"
        else:
            token, source = _read(self.token_file), str(self.token_file)
        if token is None:
            return None
        token = token.strip()
        if not token or not token.isascii() or not token.isprintable() or " " in token:
            raise click.UsageError(f"{source} holds no token: one line of ASCII without spaces")
        return token


def at_server(connection: Connection, work: Callable[[TaskManagerClient], Awaitable[int]]) -> int:
    """Does one piece of work with the server; answers its exit code, or that of its failure."""
    _open_standard_files()
    client = connection.client()
    try:
        return uvloop.run(_work(client, work))
    except TaskManagerError as error:
        click.echo(f"error: {explained(error)}", err=True)
        return exit_code(error)
    except BrokenPipeError:
        # Whoever read our output has had enough; nothing may be written any more, not even at the exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _BROKEN_PIPE


def explained(error: TaskManagerError) -> str:
    """The failure in words, with its remedy."""
    if isinstance(error, Unreachable):
        return f"{line(str(error))}; name another server with --server or TASKMANAGER_URL"
    if not isinstance(error, RequestFailed):
        return line(str(error))
    words, details = line(error.detail), problems(error.errors)
    if len(details) == 1 and words.endswith(details[0]):
        details = []
    if isinstance(error, Unauthorized):
        words += "; put it into TASKMANAGER_TOKEN, or into a file that --token-file or TASKMANAGER_TOKEN_FILE names"
    elif error.status >= 500 and error.request_id:
        words += f" (request {line(error.request_id)})"
    return "\n  ".join([words, *details])


def problems(errors: tuple[FieldProblem, ...]) -> list[str]:
    """A line for each value at fault, if there are not too many."""
    words = [f"{line(error.path)}: {line(error.message)}" if error.path else line(error.message) for error in errors]
    more = len(words) - _SHOWN_MAX
    return words if more <= 0 else [*words[:_SHOWN_MAX], f"and {more} more"]


def exit_code(error: TaskManagerError) -> int:
    """How a command ends that failed so."""
    if isinstance(error, Unauthorized):
        return ExitCode.CONFIGURATION
    if isinstance(error, Unreachable | Unavailable | RateLimited):
        return ExitCode.TEMPORARY
    return REFUSED if isinstance(error, RequestFailed) else ExitCode.INTERNAL


def tell_interruption(error: TaskManagerError, pause: float) -> None:
    """Says that a stream is interrupted; the end of one that was long enough is no news."""
    click.echo(f"({line(str(error))}; going on in {ceil(pause)} s)", err=True)


def _tell_pause(error: TaskManagerError, pause: float) -> None:
    if pause >= _PAUSE_WORTH_A_WORD:
        click.echo(f"({line(str(error))}; trying again in {ceil(pause)} s)", err=True)


async def _work(client: TaskManagerClient, work: Callable[[TaskManagerClient], Awaitable[int]]) -> int:
    async with client:
        return await work(client)


def _open_standard_files() -> None:
    """Opens those that whoever started us has closed (`>&-`): an event loop dies of sockets that take their numbers."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: PTH123, SIM115 - takes the smallest number that is free


def _address_here() -> str:
    """That of a demo which runs on this machine, the youngest of several; else the usual one."""
    ports = [appliance.api_port for appliance in running_appliances() if appliance.api_port]
    return f"http://127.0.0.1:{ports[-1] if ports else _DEFAULT_PORT}"


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError as error:
        raise click.UsageError(f"the token cannot be read from {path}: {error.strerror}") from None
