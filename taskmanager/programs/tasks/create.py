"""Creates a task, or a file of them."""

import asyncio
from contextlib import closing, nullcontext
from datetime import timedelta
from pathlib import Path
from typing import Any

import click
import msgspec

from taskmanager.client import NewTask, TaskManagerClient
from taskmanager.programs.moments import span
from taskmanager.programs.tasks import rendering
from taskmanager.programs.tasks.connection import REFUSED, Connection, at_server
from taskmanager.programs.tasks.from_file import Creation, check_lines, open_requests
from taskmanager.programs.tasks.options import as_json, metadata
from taskmanager.server import ExitCode

_COMPLETED = "completed"


@click.command()
@click.option("--url", "original_url", metavar="URL", help="The page to begin with.")
@click.option("--query", "user_query", metavar="TEXT", help="What to look for.")
@click.option(
    "--email", "user_email", metavar="ADDRESS", help="For whom; may be left out with a token that is bound to a user."
)
@metadata
@click.option("--correlation-id", metavar="TEXT", help="Kept on every event of the task.")
@click.option("--wait", is_flag=True, help="Wait until it is completed, failed or cancelled.")
@click.option("--timeout", type=span, metavar="SPAN", help="With --wait: give up after 90s, 15m, 2h …")
@click.option(
    "--from-file", metavar="FILE", help="Create all the requests of a file, one JSON object a line; - is stdin."
)
@click.option("--partial", is_flag=True, help="With --from-file: leave out what is wrong and create the rest.")
@click.option(
    "--first-line", type=click.IntRange(min=1), default=1, metavar="N", help="With --from-file: begin with line N."
)
@as_json
@click.pass_obj
def create(
    connection: Connection,
    /,
    wait: bool,
    timeout: timedelta | None,
    from_file: str | None,
    partial: bool,
    first_line: int,
    as_json: bool,
    **task: Any,
) -> int:
    """Create a task, or many from a file.

    Prints the new task's id; with --wait the task as it is in the end, and exits with 1 unless it is completed.

    A line of a file is what POST /api/tasks takes: {"userEmail": …, "userQuery": …, "originalUrl": …, "metadata": …}.
    They are created 1,000 at a time, each thousand together or not at all. A file is looked through first: if a line
    is no request, nothing is sent. With --json each line has its answer, {"line": …, "id": …}.

    \b
    Examples:
      taskmanager tasks create --url https://example.com/ --query "opening hours" --email ann@example.com
      taskmanager tasks create --url https://example.com/ --query prices --email ann@example.com \\
          --metadata campaign=spring --wait --timeout 15m --json | jq -r .result
      taskmanager tasks create --from-file requests.jsonl
      zcat requests.jsonl.gz | taskmanager tasks create --from-file - --partial --json > ids.jsonl
    """
    if from_file is not None:
        if wait or any(task.values()):
            raise click.UsageError("--from-file goes with --partial, --first-line and --json alone")
        return _create_file(connection, from_file, first_line, partial=partial, as_json=as_json)
    if partial or first_line > 1 or (timeout is not None and not wait):
        raise click.UsageError("--partial and --first-line go with --from-file, --timeout goes with --wait")
    if not task["original_url"] or not task["user_query"]:
        raise click.UsageError("say what to crawl: --url and --query (and --email), or --from-file")
    new = NewTask(**task)

    async def work(client: TaskManagerClient) -> int:
        made = await client.create(new)
        if wait:
            click.echo(f"{made.id} is created; waiting for its end", err=True)
            try:
                async with asyncio.timeout(None if timeout is None else timeout.total_seconds()):
                    made = await client.wait(made.id)
            except TimeoutError:
                click.echo(f"error: {made.id} has not ended yet; see: taskmanager tasks watch {made.id}", err=True)
                return ExitCode.TEMPORARY
        if as_json:
            click.echo(msgspec.json.encode(made))
        else:
            click.echo(rendering.task_text(made) if wait else made.id)
        return REFUSED if wait and made.status != _COMPLETED else ExitCode.OK

    return at_server(connection, work)


def _create_file(connection: Connection, path: str, first_line: int, *, partial: bool, as_json: bool) -> int:
    file = open_requests(path)
    with nullcontext() if path == "-" else closing(file):
        can_be_read_twice = file.seekable()
        if can_be_read_twice and not partial:
            if not check_lines(file, first_line):
                return REFUSED
            file.seek(0)
        creation = Creation(file, first_line=first_line, partial=partial, as_json=as_json)
        total = Path(path).stat().st_size if path != "-" and can_be_read_twice else None
        return at_server(connection, lambda client: creation.run(client, total))
