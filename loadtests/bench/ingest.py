"""`bin/bench ingest`: creates and status reports through Kafka, consumers and database, beside raw COPY."""

import json
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from statistics import mean

import click
import psycopg2

from loadtests.bench import copy_limit
from loadtests.bench.consumers import CpuMeter, Progress, process_behind_port, running_consumers, watch
from loadtests.bench.stages import cpu_by_stage
from loadtests.bench.traffic import produce, reports, requests, task_ids
from taskmanager.devstack import StackInfo, ensure_up
from taskmanager.devstack.paths import default_root
from taskmanager.infrastructure.postgres.migrator import Migrator
from taskmanager.programs.demo.messages import Role
from taskmanager.programs.demo.workspace import Workspace

_STAGE_SAMPLE = 20_000


def say(words: str) -> None:
    """Progress, for people."""
    print(f"bench: {words}", file=sys.stderr, flush=True)


@contextmanager
def workspace(info: StackInfo) -> Iterator[Workspace]:
    """A database and topics of the benchmark's own, removed at the end."""
    space = Workspace.fresh()

    def migrate() -> None:
        with closing(psycopg2.connect(info.dsn("owner", space.database))) as connection:
            Migrator(connection, info.app_user).migrate(wait=30)

    try:
        space.prepare(info, migrate)
        yield space
    finally:
        space.drop(info)


class IngestBenchmark:
    """One run; figures are collected in `figures`."""

    def __init__(self, info: StackInfo, consumers: int, messages: int) -> None:
        self._info = info
        self._consumers = consumers
        self._ids = task_ids(messages, seed=messages)
        self.stages: dict[str, float] = {}
        self.creates: Progress | None = None
        self.statuses: Progress | None = None
        self.copy_limits: list[float] = []

    def run(self) -> None:
        """Measures; raises `RuntimeError` if what is in the database afterwards is not what was sent."""
        messages = list(requests(self._ids))
        self.stages = cpu_by_stage(messages[:_STAGE_SAMPLE], "bench")
        rows = copy_limit.prepared(messages, "requests-web-crawl")
        self._measure_copy(rows)
        with workspace(self._info) as space:
            topic, status_topic = space.topics[Role.REQUESTS], space.topics[Role.STATUS]
            say(f"sending {len(messages):,} requests and {2 * len(messages):,} reports")
            produce(self._info.kafka_brokers, topic, iter(messages))
            del messages
            self.creates = self._consume(space, topic, len(self._ids))
            self._measure_copy(rows)
            produce(self._info.kafka_brokers, status_topic, reports(self._ids))
            self.statuses = self._consume(space, status_topic, 2 * len(self._ids))
            self._check(space)

    def _measure_copy(self, rows: list[tuple[bytes, bytes]]) -> None:
        say("measuring COPY of the same rows on one raw connection")
        with workspace(self._info) as space:
            self.copy_limits.append(copy_limit.measure(self._info.dsn("app", space.database), rows))

    def _consume(self, space: Workspace, topic: str, count: int) -> Progress:
        """Lets consumers read a topic that is already full."""
        say(f"{self._consumers} consumer process(es) read {count:,} messages")
        environment = self._info.environment() | space.environment() | {"POD_ORDINAL": "0", "CONSUMER_REPLICAS": "1"}
        kafka = process_behind_port(int(self._info.kafka_brokers.rpartition(":")[2]))
        postgres = process_behind_port(self._info.postgres_port)
        log = default_root() / "bench-consumers.log"
        with running_consumers(environment, self._consumers, log) as consumers:
            meter = CpuMeter({"consumer": consumers, "postgres": [postgres], "kafka": [kafka]})
            progress = watch(self._info.dsn("app", space.database), topic, count, meter.restart)
            kind = "" if topic == space.topics[Role.REQUESTS] else " (reports)"
            self.stages |= {f"{name}{kind}": cost for name, cost in meter.micros_per(progress.messages).items()}
        return progress

    def _check(self, space: Workspace) -> None:
        """Counts what is there: rows, events and offsets must be those of the messages sent, each exactly once."""
        sent = len(self._ids)
        expected = {"tasks completed": sent, "events": 3 * sent, "distinct (task, version)": 3 * sent}
        expected |= {"offsets of requests": sent, "offsets of reports": 2 * sent, "created": sent, "applied": 2 * sent}
        with closing(psycopg2.connect(self._info.dsn("app", space.database))) as connection:
            cursor = connection.cursor()
            cursor.execute(
                "select (select count(*) from web_crawl_tasks where status = 'completed' and version = 3),"
                " (select count(*) from task_events),"
                " (select count(distinct (task_id, version)) from task_events),"
                " sum(next_offset - first_offset) filter (where topic = %(requests)s),"
                " sum(next_offset - first_offset) filter (where topic = %(status)s), sum(created), sum(applied)"
                " from consumer_offsets",
                {"requests": space.topics[Role.REQUESTS], "status": space.topics[Role.STATUS]},
            )
            found = dict(zip(expected, map(int, cursor.fetchone() or ()), strict=True))
        wrong = [
            f"{name}: {found[name]:,} instead of {count:,}" for name, count in expected.items() if found[name] != count
        ]
        if wrong:
            raise RuntimeError(f"the database does not hold what was sent: {'; '.join(wrong)}")

    def figures(self) -> dict[str, float]:
        """The figures of the run by their public names."""
        assert self.creates is not None
        assert self.statuses is not None
        limit = mean(self.copy_limits)
        return {
            "createsPerSecond": round(self.creates.per_second),
            "copyLimitPerSecond": round(limit),
            "ratio": round(self.creates.per_second / limit, 3),
            "statusPerSecond": round(self.statuses.per_second),
            "cpuMicrosPerMessage": round(self.stages["consumer"], 1),
        }


@click.command(name="ingest")
@click.option("--consumers", type=click.IntRange(1, 12), default=1, show_default=True, help="Consumer processes.")
@click.option(
    "--messages",
    type=click.IntRange(10_000),
    default=200_000,
    show_default=True,
    help="Requests; reports are twice as many.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the figures as one JSON object in the last line.")
def command(consumers: int, messages: int, as_json: bool) -> None:
    """Measure how fast consumers take requests and reports from Kafka into PostgreSQL.

    The topics are filled first; then consumer processes read them, every batch a durable transaction. Before and after,
    one raw connection copies the same rows into the same tables: the ratio says how near the write path comes to what
    the database can take. At the end rows, events and offsets are counted, and the run fails if they are not what was
    sent. Everything happens in a database and topics of the benchmark's own.
    """
    benchmark = IngestBenchmark(ensure_up(progress=say), consumers, messages)
    try:
        benchmark.run()
    except RuntimeError as error:
        raise click.ClickException(str(error)) from error
    figures = benchmark.figures()
    click.echo(f"creates          {figures['createsPerSecond']:>10,.0f} /s   ({consumers} consumer process(es))")
    limits = ", ".join(f"{limit:,.0f}" for limit in benchmark.copy_limits)
    click.echo(f"COPY limit       {figures['copyLimitPerSecond']:>10,.0f} /s   (before and after: {limits})")
    click.echo(f"ratio            {figures['ratio']:>10.2f}")
    click.echo(f"status reports   {figures['statusPerSecond']:>10,.0f} /s")
    click.echo("CPU per message, µs:")
    for stage, micros in benchmark.stages.items():
        click.echo(f"  {stage:<22} {micros:>6.1f}")
    if as_json:
        click.echo(json.dumps(figures))
