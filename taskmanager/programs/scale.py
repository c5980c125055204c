"""`taskmanager scale`, which `bin/scale` calls."""

import os
import time
from collections.abc import Sequence
from pathlib import Path

import click
import orjson

from taskmanager.infrastructure.consumer_count import FILE_NAME, ConsumerCount
from taskmanager.infrastructure.supervisor import RUNNING, SOCKET, ProcessState, Supervisor, SupervisorError
from taskmanager.programs.running_appliances import running_appliances
from taskmanager.programs.scaling import NotReached, Scaling, TooMany
from taskmanager.server import ExitCode

_ANSWER_SECONDS = 5.0


class NotRunning(click.ClickException):
    """There is no container to scale, or it did not get there in time."""

    exit_code = ExitCode.TEMPORARY


class NotAllowed(click.ClickException):
    """Another user runs the container."""

    exit_code = ExitCode.INTERNAL


@click.command(name="scale")
@click.argument("number", metavar="[N]", type=int, required=False)
@click.option(
    "--wait", type=click.FloatRange(min=0), default=15.0, show_default=True, metavar="SECONDS",
    help="Longest wait until exactly N consumers run.",
)  # fmt: skip
@click.option(
    "--run-dir", type=click.Path(path_type=Path), metavar="DIR",
    help="Run directory of the container [TASKMANAGER_RUN_DIR, or that of the only one that runs from this checkout].",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for machines.")
def command(number: int | None, wait: float, run_dir: Path | None, as_json: bool) -> None:
    """Change the number of consumer processes of a running container, or show them.

    Takes effect within seconds, under load, and loses nothing: the consumers share the partitions out anew by
    themselves. It holds until the container ends; CONSUMER_PROCESSES says how many the next one begins with.
    CONSUMER_SLOTS is the most there may be, and every container of CONSUMER_REPLICAS may have its own number.

    \b
    Examples:
      bin/scale                                    show the consumers
      bin/scale 4                                  four from now on
      docker exec task-manager bin/scale 4         the same in a container
      kubectl exec task-manager-0 -- bin/scale 4   the same in a pod

    Exit codes: 0 done; 64 there cannot be so many; 70 no permission; 75 nothing runs, or it took longer than --wait.
    """
    if number is not None and number < 1:
        raise click.UsageError(
            f"{number} consumers would leave the topics unread: give 1 or more, or stop the container"
        )
    directory = _run_directory(run_dir)
    # bin/entrypoint writes the number down at once; where supervisord was started without it, what runs counts.
    count = ConsumerCount(directory / FILE_NAME, default=0)
    scaling = Scaling(Supervisor(f"unix://{directory.absolute() / SOCKET}", timeout=_ANSWER_SECONDS), count)
    seconds = None
    try:
        before = count.read() or sum(process.state == RUNNING for process in scaling.slots())
        if number is not None:
            seconds = scaling.scale(number, wait)
        slots = scaling.slots()
    except TooMany as error:
        raise click.UsageError(str(error)) from None
    except NotReached as error:
        raise NotRunning(str(error)) from None
    except (SupervisorError, OSError) as error:
        raise _explained(error, directory) from None
    if as_json:
        click.echo(_json(directory, number or before, before, seconds, slots))
    elif seconds is None:
        click.echo(_table(before, slots))
    else:
        click.echo(f"consumers: {before} → {number} in {seconds:.2f} s")


def _run_directory(chosen: Path | None) -> Path:
    if chosen is not None:
        return chosen
    if inherited := os.environ.get("TASKMANAGER_RUN_DIR"):
        return Path(inherited)
    found = running_appliances()
    if not found:
        raise NotRunning("nothing runs from this checkout: start bin/run or bin/entrypoint, or name it with --run-dir")
    if len(found) > 1:
        lines = "\n".join(
            f"  --run-dir {appliance.run_directory}   since {appliance.started_at:%Y-%m-%d %H:%M:%S} UTC"
            for appliance in found
        )
        raise click.UsageError(f"several containers run from this checkout; say which one:\n{lines}")
    return found[0].run_directory


def _explained(error: Exception, directory: Path) -> click.ClickException:
    """What ails, and what to do about it."""
    if isinstance(error, PermissionError) or isinstance(error.__cause__, PermissionError):
        return NotAllowed(f"{directory} is for the user alone that runs the container: call this as that user")
    if isinstance(error.__cause__, FileNotFoundError | ConnectionRefusedError):
        return NotRunning(
            f"no container runs in {directory}: start bin/run or bin/entrypoint, or name another --run-dir"
        )
    return NotRunning(str(error))


def _uptime(process: ProcessState) -> float | None:
    return max(time.time() - process.started_at, 0.0) if process.state == RUNNING else None


def _table(wanted: int, slots: Sequence[ProcessState]) -> str:
    lines = [
        f"{wanted} consumers are wanted; there may be {len(slots)} (CONSUMER_SLOTS)",
        "slot  state     pid      up",
    ]
    for process in slots:
        if process.pid or (process.consumer_slot or 0) < wanted:
            uptime = _uptime(process)
            up = f"{uptime:.0f} s" if uptime is not None else "-"
            lines.append(f"{process.consumer_slot:>4}  {process.state:<8}  {process.pid or '-':<7}  {up}")
    return "\n".join(lines)


def _json(directory: Path, wanted: int, before: int, seconds: float | None, slots: Sequence[ProcessState]) -> bytes:
    scaled = {} if seconds is None else {"from": before, "seconds": round(seconds, 3)}
    consumers = [
        {"slot": process.consumer_slot, "state": process.state, "pid": process.pid or None, "uptime": _uptime(process)}
        for process in slots
    ]
    return orjson.dumps(
        {"runDirectory": str(directory), "wanted": wanted, "slots": len(slots), **scaled, "consumers": consumers}
    )
