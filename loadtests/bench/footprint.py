"""`bin/bench footprint`: what one consumer process takes at rest, and at most while it works."""

import json
from time import monotonic, sleep

import click
import psutil

from loadtests.bench.consumers import running_consumers, watch
from loadtests.bench.ingest import say, workspace
from loadtests.bench.traffic import Message, produce, requests, task_ids
from taskmanager.devstack import ensure_up
from taskmanager.devstack.paths import default_root
from taskmanager.programs.demo.messages import Role

_MESSAGES = 60_000
_BODY_BYTES = 1024
_SETTLING_SECONDS = 5.0
_REST_SECONDS = 20.0
_MB = 1_000_000


@click.command(name="footprint")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as one JSON object in the last line.")
def command(as_json: bool) -> None:
    """Measure CPU and memory of one consumer process.

    First at rest, with nothing to read, over 20 seconds; then the peak of its resident memory while it reads 60,000
    requests of 1 KiB each in batches of 2,000.
    """
    info = ensure_up(progress=say)
    with workspace(info) as space:
        topic = space.topics[Role.REQUESTS]
        environment = info.environment() | space.environment() | {"POD_ORDINAL": "0", "CONSUMER_REPLICAS": "1"}
        with running_consumers(environment, 1, default_root() / "bench-consumers.log") as (consumer,):
            say(f"one consumer at rest for {_SETTLING_SECONDS + _REST_SECONDS:.0f} s")
            figures = _at_rest(consumer)
            ids = task_ids(_MESSAGES, seed=1)
            produce(info.kafka_brokers, topic, (_padded(message) for message in requests(ids)))
            watch(info.dsn("app", space.database), topic, _MESSAGES, started=lambda: say("reading 1 KiB requests"))
            figures["peakMegabytes"] = round(_peak_memory(consumer) / _MB, 1)
    click.echo(
        f"at rest   {figures['restCpuPercent']:>6.2f} % of a core   {figures['restMegabytes']:>6.1f} MB resident"
    )
    click.echo(f"working   {'':>19}   {figures['peakMegabytes']:>6.1f} MB resident at most")
    if as_json:
        click.echo(json.dumps(figures))


def _at_rest(consumer: psutil.Process) -> dict[str, float]:
    sleep(_SETTLING_SECONDS)
    before, began = consumer.cpu_times(), monotonic()
    sleep(_REST_SECONDS)
    after = consumer.cpu_times()
    spent = after.user + after.system - before.user - before.system
    return {
        "restCpuPercent": round(spent / (monotonic() - began) * 100, 2),
        "restMegabytes": round(consumer.memory_info().rss / _MB, 1),
    }


def _peak_memory(process: psutil.Process) -> int:
    """The highest resident size so far, in bytes, as Linux keeps it."""
    with open(f"/proc/{process.pid}/status", encoding="ascii") as status:  # noqa: PTH123 - not a path of ours
        (line,) = (line for line in status if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


def _padded(message: Message) -> Message:
    filling = "x" * (_BODY_BYTES - len(message.value) - len(',"metadata":{"note":""}'))
    return message._replace(value=message.value[:-1] + f',"metadata":{{"note":"{filling}"}}}}'.encode())
