"""`taskmanager verify`: proves that history is complete and agrees with itself."""

from collections.abc import Callable, Mapping
from contextlib import closing
from time import monotonic

import click
import orjson

from taskmanager.application.commands import Partition
from taskmanager.application.offsets import TopicEnds
from taskmanager.application.ports import StoreError
from taskmanager.application.use_cases.verify_history import Verification, VerifyHistory
from taskmanager.config.kafka import KafkaConfig
from taskmanager.config.settings import load_settings
from taskmanager.infrastructure.kafka.ends import topic_ends
from taskmanager.infrastructure.kafka.topics import TopicsUnavailable
from taskmanager.infrastructure.postgres.connecting import NotConnected, connect_when_ready
from taskmanager.infrastructure.postgres.history import PostgresHistory
from taskmanager.server import ExitCode

_FINDINGS = 1
_TELL_SECONDS = 3.0
_SCHEMA_MISMATCH = "42"  # the class of SQLSTATEs for tables and rights that are not there


class RareProgress:
    """Tells on stderr what is being done, once it takes long and then every few seconds."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._told = clock()

    def __call__(self, words: str) -> None:
        now = self._clock()
        if now - self._told >= _TELL_SECONDS:
            self._told = now
            click.echo(f"verify: {words}", err=True)


class KafkaEnds:
    """Asks Kafka for the ends of the source topics; `problem` tells why there was no answer."""

    def __init__(self, config: KafkaConfig) -> None:
        self._config = config
        self.problem: str | None = None

    def __call__(self) -> Mapping[Partition, TopicEnds] | None:
        try:
            return topic_ends(self._config.client_properties("verify"), self._config.source_topics, missing_ok=False)
        except TopicsUnavailable as error:
            self.problem = str(error)
            return None


@click.command(name="verify")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for machines.")
@click.option(
    "--rebuild-sample",
    type=click.IntRange(min=0),
    metavar="N",
    help="Rebuild only N tasks, drawn at random, from their events; the other checks look at everything.",
)
@click.option("--no-kafka", is_flag=True, help="Look at the database alone; Kafka need not be there.")
@click.option(
    "--wait",
    type=click.FloatRange(min=0),
    default=10.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for the database to answer.",
)
def command(as_json: bool, rebuild_sample: int | None, no_kafka: bool, wait: float) -> ExitCode | int:
    """Prove that the history in the database is complete and agrees with itself.

    \b
    - Every offset that was read came to exactly one outcome, and left the row that belongs to it.
    - The versions of each task are 1, 2, 3 … without a gap, in the order in which they were recorded.
    - Each task, rebuilt from its events, is the task that is stored; the counters are the numbers of tasks.
    - What was read lies in the topics as they are (unless --no-kafka).

    It changes nothing, logs in as POSTGRES_USER, and sees one moment: it may run while consumers work. It needs little
    memory, whatever the database holds; a million tasks take about a minute, less with --rebuild-sample.

    \b
    Exits with 0 if nothing is wrong, 1 if something is: one line for each finding, the first 20 of each kind.
    Exits with 75 if the database (or Kafka) does not answer.

    \b
    Examples:
      taskmanager verify
      taskmanager verify --rebuild-sample 10000
      taskmanager verify --no-kafka --json
    """
    settings = load_settings()
    kafka = KafkaEnds(settings.kafka)
    began = monotonic()
    try:
        with closing(connect_when_ready(settings.database.dsn_kwargs("verify"), wait=wait)) as connection:
            verify = VerifyHistory(PostgresHistory(connection), (lambda: None) if no_kafka else kafka, RareProgress())
            verification = verify(rebuild_sample)
    except NotConnected as error:
        click.echo(f"error: {error}", err=True)
        return ExitCode.INTERNAL if error.is_final else ExitCode.TEMPORARY
    except StoreError as error:
        is_schema = getattr(error, "kind", None) == _SCHEMA_MISMATCH
        click.echo(f"error: {error}{'; run: taskmanager migrate' if is_schema else ''}", err=True)
        return ExitCode.INTERNAL if is_schema else ExitCode.TEMPORARY
    seconds = monotonic() - began
    click.echo(_json(verification, seconds) if as_json else _text(verification, seconds))
    if not verification.is_clean:
        return _FINDINGS
    if kafka.problem is not None:
        click.echo(f"error: {kafka.problem}; --no-kafka looks at the database alone", err=True)
        return ExitCode.TEMPORARY
    return ExitCode.OK


def _text(verification: Verification, seconds: float) -> str:
    findings = verification.findings
    lines: list[str] = []
    for kind, total in findings.totals.items():
        examples = findings.examples(kind)
        lines += [str(finding) for finding in examples]
        if total > len(examples):
            lines.append(f"{kind.value}: {total:,} in all, the first {len(examples)} are shown")
    seen = (
        f"{verification.offsets:,} offsets of {verification.partitions} partitions, {verification.events:,} events, "
        f"{verification.tasks:,} tasks ({verification.replayed:,} rebuilt) in {seconds:.1f} s"
    )
    lag = "" if verification.lag is None else f"; {verification.lag:,} messages are not read yet"
    wrong = sum(findings.totals.values())
    if verification.reset:
        lines.append(
            f"note: {verification.reset} partitions were reset (taskmanager offsets show): their messages are counted, "
            "but not checked offset by offset"
        )
    return "\n".join([*lines, f"{f'{wrong:,} findings' if wrong else 'clean'}: {seen}{lag}"])


def _json(verification: Verification, seconds: float) -> bytes:
    findings = verification.findings
    return orjson.dumps(
        {
            "clean": verification.is_clean,
            "partitions": verification.partitions,
            "offsets": verification.offsets,
            "events": verification.events,
            "tasks": verification.tasks,
            "rebuilt": verification.replayed,
            "lag": verification.lag,
            "resetPartitions": verification.reset,
            "seconds": round(seconds, 2),
            "findings": [
                {
                    "kind": kind.value,
                    "total": total,
                    "examples": [
                        {"where": finding.where, "expected": finding.expected, "found": finding.found}
                        for finding in findings.examples(kind)
                    ],
                }
                for kind, total in findings.totals.items()
            ],
        }
    )
