"""`python -m taskmanager.devstack`, which `bin/stack` calls."""

import shlex
import sys
import time
from pathlib import Path

import click
import orjson

from taskmanager.devstack import stack
from taskmanager.devstack.errors import StackError
from taskmanager.devstack.paths import default_root


def _tell(message: str) -> None:
    click.echo(f"stack: {message}", err=True)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.pass_context
def main(context: click.Context) -> None:
    """PostgreSQL 18 and Apache Kafka 4.3 on this machine, without Docker: for development, tests and the demo.

    Both listen on 127.0.0.1 only, on free ports that are chosen once. Data, logs, ports and passwords live in
    .local/stack of the checkout, or in $TASKMANAGER_LOCAL/stack. Downloads are kept in the user's cache directory.

    \b
    A session:
      bin/stack up                 start, or repair, or do nothing if all is well
      eval "$(bin/stack env)"      tell this shell where they are
      psql, kcat, taskmanager …    work with them
      bin/stack down               stop; the data stays
      bin/stack reset              stop and forget everything but the downloads
    """
    context.obj = default_root()


@main.command()
@click.pass_obj
def up(root: Path) -> None:
    """Start both servers, repair what crashed or was left half-started; nothing happens if all is well."""
    began = time.monotonic()
    info = stack.ensure_up(root, progress=_tell)
    _tell(
        f"PostgreSQL {info.postgres_host}:{info.postgres_port}, Kafka {info.kafka_brokers} "
        f"({time.monotonic() - began:.1f} s)"
    )


@main.command()
@click.pass_obj
def down(root: Path) -> None:
    """Stop both servers and keep their data."""
    stack.down(root, progress=_tell)


@main.command()
@click.pass_obj
def reset(root: Path) -> None:
    """Stop both servers and remove their data, ports and passwords. Downloads are kept."""
    stack.reset(root, progress=_tell)


@main.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object, with the superuser's credentials too.")
@click.pass_obj
def env(root: Path, as_json: bool) -> None:
    """Print shell exports that every other command understands: eval "$(bin/stack env)"."""
    info = stack.current(root)
    if as_json:
        click.echo(orjson.dumps(info.as_dict()))
        return
    for name, value in info.environment().items():
        click.echo(f"export {name}={shlex.quote(value)}")


@main.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
def status(root: Path, as_json: bool) -> None:
    """Show the state of each server; the exit code is 0 if both are up, 3 if not."""
    servers = stack.status(root)
    is_up = bool(servers) and all(server.state == "up" for server in servers)
    if as_json:
        click.echo(orjson.dumps({"up": is_up, "servers": [server.as_dict() for server in servers]}))
    elif not servers:
        click.echo("never started: bin/stack up")
    else:
        for server in servers:
            ports = ",".join(map(str, server.ports))
            click.echo(f"{server.name:<11}{server.state:<13}pid {server.pid or '-':<8}port {ports:<12}log {server.log}")
    sys.exit(0 if is_up else 3)


if __name__ == "__main__":
    try:
        main(prog_name="bin/stack")
    except StackError as problem:
        _tell(f"error: {problem}")
        sys.exit(1)
