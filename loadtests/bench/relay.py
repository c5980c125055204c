"""`bin/bench relay`: how fast the relay publishes what is in the event log."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from time import perf_counter, sleep

import click
import psycopg2

from loadtests.bench.committed_events import CommittedEvents, OrderCheck
from loadtests.bench.consumers import CpuMeter, Progress, process_behind_port, running, running_consumers, watch
from loadtests.bench.ingest import say, workspace
from loadtests.bench.traffic import produce, reports, requests, task_ids
from taskmanager.devstack import StackInfo, ensure_up
from taskmanager.devstack.paths import default_root
from taskmanager.devstack.topics import create_topics, delete_topics
from taskmanager.programs.demo.messages import Role
from taskmanager.programs.demo.workspace import PARTITIONS, Workspace

_POLL_SECONDS = 0.01
_STALLED_SECONDS = 60.0
_READ_SECONDS = 10.0
_SURPLUS_SECONDS = 1.0
_EVENTS_A_TASK = 3


class RelayBenchmark:
    """One run: tasks with three events each; `cpu` holds microseconds per event and program."""

    def __init__(self, info: StackInfo, events: int) -> None:
        self._info = info
        self._ids = task_ids(events // _EVENTS_A_TASK, seed=events)
        self._events = len(self._ids) * _EVENTS_A_TASK
        self._log = default_root() / "bench-relay.log"
        self.cpu: dict[str, float] = {}

    def run(self) -> Progress:
        """Measures; raises `RuntimeError` unless each event is on the topic exactly once, in order."""
        with workspace(self._info) as space, self._topic(space) as topic:
            environment = (
                self._info.environment() | space.environment() | {"POD_ORDINAL": "0", "CONSUMER_REPLICAS": "1"}
            )
            self._fill(space, environment)
            say(f"the relay publishes {self._events:,} events")
            dsn = self._info.dsn("app", space.database)
            with running(environment | {"TASK_EVENTS_TOPIC": topic}, [("relay",)], self._log) as relay:
                kafka = process_behind_port(int(self._info.kafka_brokers.rpartition(":")[2]))
                postgres = process_behind_port(self._info.postgres_port)
                meter = CpuMeter({"relay": relay, "postgres": [postgres], "kafka": [kafka]})
                progress = _watch_relay(dsn, meter.restart)
                self.cpu = meter.micros_per(progress.messages)
            self._check(topic)
        return progress

    def _fill(self, space: Workspace, environment: dict[str, str]) -> None:
        say(f"a consumer writes {self._events:,} events of {len(self._ids):,} tasks")
        brokers, dsn = self._info.kafka_brokers, self._info.dsn("app", space.database)
        with running_consumers(environment, 1, self._log):
            for topic, messages in (
                (space.topics[Role.REQUESTS], requests(self._ids)),
                (space.topics[Role.STATUS], reports(self._ids)),
            ):
                watch(dsn, topic, produce(brokers, topic, messages), lambda: None)

    def _check(self, topic: str) -> None:
        say("reading the topic")
        events, order = CommittedEvents(self._info.kafka_brokers, topic), OrderCheck()
        with closing(events):
            while came := list(events.take(_READ_SECONDS if order.total < self._events else _SURPLUS_SECONDS)):
                for event_id, _ in came:
                    order.came(event_id)
        if order.total != self._events or order.out_of_order:
            raise RuntimeError(
                f"{order.total:,} events on the topic instead of {self._events:,}, {order.out_of_order:,} out of order"
            )

    @contextmanager
    def _topic(self, space: Workspace) -> Iterator[str]:
        topic = f"{space.topics[Role.STATUS]}-events"
        create_topics(self._info.kafka_brokers, {topic: PARTITIONS})
        try:
            yield topic
        finally:
            delete_topics(self._info.kafka_brokers, [topic])


def _watch_relay(dsn: str, started: Callable[[], None]) -> Progress:
    """Waits until all is published by what is stored, and calls `started` at the first move that it sees.

    Counts from there, so that the start of the process is not measured. Raises `RuntimeError` on a standstill.
    """
    with closing(psycopg2.connect(dsn)) as connection, connection.cursor() as cursor:
        connection.autocommit = True

        def value(statement: str, *parameters: int) -> int:
            cursor.execute(statement, parameters)
            rows = cursor.fetchall()
            return int(rows[0][0]) if rows else 0

        end = value("select max(seq) from task_events")
        position = first = 0
        began = moved = perf_counter()
        while position < end:
            before, position = position, value("select position from event_readers where name = 'relay'")
            now = perf_counter()
            if position != before:
                moved = now
            if not first and position:
                first, began = position, now
                started()
            if now - moved > _STALLED_SECONDS:
                raise RuntimeError(f"no progress for {_STALLED_SECONDS:.0f} s at number {position} of {end}")
            sleep(_POLL_SECONDS)
        return Progress(value("select count(*) from task_events where seq > %s", first), moved - began)


@click.command(name="relay")
@click.option(
    "--events", type=click.IntRange(30_000), default=300_000, show_default=True, help="Events, three of each task."
)
@click.option("--json", "as_json", is_flag=True, help="Print the figures as one JSON object in the last line.")
def command(events: int, as_json: bool) -> None:
    """Measure how fast the relay alone publishes a backlog of events.

    A consumer fills the event log from requests and reports and ends; then a relay starts, and the clock runs from its
    first chunk that is committed to its last. Afterwards the topic is read as a reader of committed messages does, and
    the run fails unless every event is there exactly once, in order per task. Everything happens in a database and
    topics of the benchmark's own.
    """
    benchmark = RelayBenchmark(ensure_up(progress=say), events)
    try:
        progress = benchmark.run()
    except RuntimeError as error:
        raise click.ClickException(str(error)) from error
    per_second = round(progress.per_second)
    click.echo(f"events   {per_second:>10,.0f} /s   ({progress.messages:,} in {progress.seconds:.2f} s)")
    click.echo("CPU per event, µs:")
    for program, micros in benchmark.cpu.items():
        click.echo(f"  {program:<10} {micros:>6.1f}")
    if as_json:
        click.echo(json.dumps({"eventsPerSecond": per_second}))
