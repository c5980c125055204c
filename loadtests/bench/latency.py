"""`bin/bench latency`: from a message's produce call until its event is back on Kafka."""

import gc
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from time import monotonic
from typing import Any

import click
import psutil

from loadtests.bench.arrivals import Arrivals
from loadtests.bench.consumers import CpuMeter, process_behind_port, running
from loadtests.bench.histogram import Histogram
from loadtests.bench.ingest import say, workspace
from loadtests.bench.paced_traffic import PacedSender, Sent, lives
from taskmanager.devstack import StackInfo, ensure_up
from taskmanager.devstack.paths import default_root
from taskmanager.programs.demo.messages import Role

_WARM_UP_SECONDS = 2.0
_START_SECONDS = 30.0
_PATIENCE_SECONDS = 10.0
_SWITCH_SECONDS = 0.0005
_RESULTS = Path(__file__).parents[1] / "results"


class LatencyBenchmark:
    """One run: one consumer, one relay, and the default topics."""

    def __init__(self, info: StackInfo, rate: int, seconds: float) -> None:
        self._info = info
        self._rate = rate
        self._steps = lives(rate, _WARM_UP_SECONDS + seconds, seed=rate)
        self._seconds = seconds
        self.cpu: dict[str, float] = {}

    def run(self) -> dict[str, Any]:
        """The document of the run; raises `RuntimeError` if the programs do not work."""
        # Pauses of the benchmark itself are none of the service.
        gc.disable()
        sys.setswitchinterval(_SWITCH_SECONDS)
        brokers = self._info.kafka_brokers
        log = default_root() / "bench-latency.log"
        with workspace(self._info) as space:
            environment = (
                self._info.environment() | space.environment() | {"POD_ORDINAL": "0", "CONSUMER_REPLICAS": "1"}
            )
            topics = space.topics[Role.REQUESTS], space.topics[Role.STATUS]
            programs = [("consumer", "--slot", "0"), ("relay",)]
            with (
                running(environment | {"CONSUMER_PROCESSES": "1"}, programs, log) as processes,
                Arrivals(brokers, topics[1]) as arrivals,
            ):
                self._await_start(PacedSender(brokers, *topics), arrivals)
                meter = self._meter(*processes)
                sender = PacedSender(brokers, *topics)
                say(f"{len(self._steps):,} messages at {self._rate:,}/s; {_WARM_UP_SECONDS:.0f} s of them warm up")
                began = monotonic()
                sender.send(self._steps, self._rate)
                self.cpu = meter.micros_per(round((monotonic() - began) * 1e4))  # per 100 µs, which makes per cent
                self.cpu["bench"] -= self.cpu["consumer"] + self.cpu["relay"]  # its children
                arrivals.await_count(len(self._steps) + 1, _PATIENCE_SECONDS)
            return self._document(sender.sent, arrivals)

    def _await_start(self, sender: PacedSender, arrivals: Arrivals) -> None:
        sender.send(lives(1, 1, seed=1), 1)
        arrivals.await_count(1, _START_SECONDS)
        if not arrivals.at:
            raise RuntimeError("the first message made no event")

    def _meter(self, consumer: psutil.Process, relay: psutil.Process) -> CpuMeter:
        kafka = process_behind_port(int(self._info.kafka_brokers.rpartition(":")[2]))
        postgres = process_behind_port(self._info.postgres_port)
        own = psutil.Process()
        return CpuMeter(
            {"consumer": [consumer], "relay": [relay], "postgres": [postgres], "kafka": [kafka], "bench": [own]}
        )

    def _document(self, sent: Mapping[str, Sent], arrivals: Arrivals) -> dict[str, Any]:
        first = min(each.at for each in sent.values()) + _WARM_UP_SECONDS
        counted = {event_id: each for event_id, each in sent.items() if each.at >= first}
        came = [event_id for event_id in counted if event_id in arrivals.at]
        if not came:
            raise RuntimeError("no message made an event")
        self.latency = Histogram([arrivals.at[event_id] - counted[event_id].at for event_id in came])
        self.lateness = Histogram([each.late for each in counted.values()])
        return {
            "rate": self._rate,
            "seconds": self._seconds,
            "messages": len(sent),
            "lost": sum(event_id not in arrivals.at for event_id in sent),
            "outOfOrder": arrivals.order.out_of_order,
            "latency": self.latency.document(),
            "sentLate": self.lateness.document(),
            "cpuPercent": {name: round(percent, 1) for name, percent in self.cpu.items()},
        }


@click.command(name="latency")
@click.option("--rate", type=click.IntRange(10, 50_000), default=3000, show_default=True, help="Messages per second.")
@click.option("--seconds", type=click.IntRange(3, 3600), default=20, show_default=True, help="How long, warmed up.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as one JSON object in the last line.")
def command(rate: int, seconds: int, as_json: bool) -> None:
    """Measure how long a message takes to come back as an event.

    One consumer and one relay run as in production, on a database and topics of the benchmark's own. Requests, starts
    and results are sent at a steady rate, mixed. The clock of each runs from its produce call (linger 5 ms, acks all:
    the defaults of clients) until a reader of committed messages has its event, which asks at most every 5 ms. Every
    message makes one event: those that never come back are lost, and versions that do not grow are out of order. The
    whole histogram is kept in loadtests/results/.

    \b
    Examples:
      bin/bench latency                        # 3,000 messages a second for 20 s
      bin/bench latency --rate 6000 --json     # the last line is JSON, for machines
    """
    benchmark = LatencyBenchmark(ensure_up(progress=say), rate, seconds)
    try:
        document = benchmark.run()
    except RuntimeError as error:
        raise click.ClickException(str(error)) from error
    latency, lateness = benchmark.latency, benchmark.lateness
    click.echo(latency.picture())
    click.echo("latency    " + "   ".join(f"p{p:g} {latency.percentile(p):.1f} ms" for p in (50, 90, 99, 99.9, 100)))
    click.echo("sent late  " + "   ".join(f"p{p:g} {lateness.percentile(p):.1f} ms" for p in (50, 90, 99, 99.9, 100)))
    click.echo("CPU        " + "   ".join(f"{name} {percent:.0f} %" for name, percent in benchmark.cpu.items()))
    click.echo(f"lost {document['lost']}, out of order {document['outOfOrder']} of {document['messages']:,}")
    click.echo(f"kept in {_kept(document)}")
    if as_json:
        figures = {"p50Ms": round(latency.percentile(50), 2), "p99Ms": round(latency.percentile(99), 2)}
        click.echo(
            json.dumps({"rate": rate, **figures, "lost": document["lost"], "outOfOrder": document["outOfOrder"]})
        )


def _kept(document: Mapping[str, Any]) -> Path:
    _RESULTS.mkdir(exist_ok=True)
    path = _RESULTS / f"latency-{document['rate']}.json"
    path.write_text(json.dumps(document, indent=2) + "\n")
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
