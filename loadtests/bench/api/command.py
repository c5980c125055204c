"""`bin/bench api`: creating and reading tasks over HTTP, beside the same on other stacks."""

import click

from loadtests.bench.api.figures import document, table
from loadtests.bench.api.run import ApiBenchmark, Plan
from loadtests.bench.api.servers import NAMES
from loadtests.bench.ingest import say
from taskmanager.devstack import ensure_up
from taskmanager.devstack.paths import default_root

_TITLES = {"post": "POST /api/tasks", "get": "GET /api/tasks/{id}"}


def _names(_context: click.Context, _parameter: click.Parameter, value: str) -> list[str]:
    names = [name.strip() for name in value.split(",") if name.strip()]
    unknown = [name for name in names if name not in NAMES]
    if unknown or not names:
        raise click.BadParameter(f"{', '.join(unknown) or 'nothing'} cannot be measured; choose of {', '.join(NAMES)}")
    return list(dict.fromkeys(names))


@click.command(name="api")
@click.option(
    "--only",
    "names",
    metavar="NAMES",
    default=",".join(NAMES),
    show_default=True,
    callback=_names,
    help="Servers to measure, separated by commas.",
)
@click.option(
    "--seconds",
    type=click.FloatRange(0.5, 60),
    default=4.0,
    show_default=True,
    help="Length of a round, after 1 s of warm-up.",
)
@click.option(
    "--rounds", type=click.IntRange(1, 20), default=3, show_default=True, help="Rounds of each server and kind."
)
@click.option("--connections", type=click.IntRange(1, 1000), default=64, show_default=True, help="Connections.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as one JSON object in the last line.")
def command(names: list[str], seconds: float, rounds: int, connections: int, as_json: bool) -> None:
    """Measure POST /api/tasks and GET /api/tasks/{id} beside other stacks.

    One API process of ours, with an API key and full validation, and peers that do the same: FastAPI with asyncpg, Go's
    net/http with pgx, Fastify with pg. Each has a database of its own on the same PostgreSQL and makes task, event and
    count durable before it answers; the peers in one transaction per request. One load generator sends to all of them,
    a request in flight on each connection, in rounds that take turns; the figures are medians. The run fails unless
    every server refuses wrong tokens and invalid tasks, and there is a task, an event and a count for each answer.

    The first run installs the peers below .local (Go and Node are left out where the toolchain is missing).

    \b
    Examples:
      bin/bench api
      bin/bench api --only taskmanager,go --rounds 5 --seconds 10
      bin/bench api --json | tail -n 1
    """
    local = default_root() / "bench-api"
    local.mkdir(parents=True, exist_ok=True)
    benchmark = ApiBenchmark(ensure_up(progress=say), local, Plan(connections, rounds, seconds), say)
    try:
        kinds = benchmark.run(names)
    except RuntimeError as error:
        raise click.ClickException(str(error)) from error
    for kind, servers in kinds.items():
        click.echo(f"{_TITLES[kind]}, {connections} connections, medians of {rounds} rounds of {seconds:g} s")
        click.echo(f"{table(servers)}\n")
    if as_json:
        click.echo(document(kinds))
