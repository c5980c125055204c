"""`bin/bench abuse`: what other clients notice of an attack."""

import sys
from uuid import uuid4

import click
import msgspec

from loadtests.bench.abuse.run import Figures, Plan, measure
from loadtests.bench.api.databases import fresh_database
from loadtests.bench.api.servers import Launch, serving
from loadtests.bench.ingest import say
from taskmanager.devstack import ensure_up
from taskmanager.devstack.paths import default_root
from taskmanager.devstack.ports import choose


@click.command(name="abuse")
@click.option("--rounds", type=click.IntRange(1, 20), default=5, show_default=True, help="Pairs of windows.")
@click.option("--seconds", type=click.FloatRange(1, 60), default=4.0, show_default=True, help="Length of a window.")
@click.option(
    "--lead",
    type=click.FloatRange(0.5, 60),
    default=4.0,
    show_default=True,
    help="Seconds that an attack goes on before the window that counts.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the figures as one JSON object in the last line.")
def command(rounds: int, seconds: float, lead: float, as_json: bool) -> None:
    """Measure what decent clients notice of clients that mean harm.

    16 connections ask an API process for a task, 400 times a second together, in windows that take turns: one in peace,
    one while a process beside them holds 2,000 sockets with a byte a second each, sends bodies of 100 MB (with their
    length, and in chunks), gzip bombs, and JSON that is 100,000 levels deep. The figures are medians of the windows;
    memory is the server's.

    \b
    Examples:
      bin/bench abuse
      bin/bench abuse --json | tail -n 1
    """
    info = ensure_up(progress=say)
    local = default_root() / "bench-abuse"
    local.mkdir(parents=True, exist_ok=True)
    port = choose()
    with fresh_database(info) as database:
        environment = info.environment() | {"APP_PORT": str(port), "POSTGRES_DB": database, "METRICS_ENABLED": "false"}
        launched = Launch([sys.executable, "-m", "taskmanager", "api"], environment, "")
        with serving(launched, port, local / "api.log") as server:
            figures = measure(port, server, f"/api/tasks/{uuid4()}", Plan(rounds, seconds, lead), say)
    click.echo(_table(figures))
    if as_json:
        click.echo(msgspec.json.encode(figures.document()))


def _table(figures: Figures) -> str:
    document = figures.document()
    lines = [f"{'':<14}{'p50 ms':>10}{'p99 ms':>10}"]
    for name in ("quiet", "attacked", "ratio"):
        row = msgspec.convert(document[name], dict[str, float])
        lines.append(f"{name:<14}{row['p50Ms']:>10.2f}{row['p99Ms']:>10.2f}")
    lines.append(f"memory: {figures.memory_before:.0f} MB before, {figures.memory_peak:.0f} MB at most under attack")
    return "\n".join(lines)
