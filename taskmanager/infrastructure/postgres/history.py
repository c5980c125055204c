"""All of history in one snapshot, for the checker."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import orjson
import psycopg2
from psycopg2.extensions import connection as Connection  # noqa: N812 - the driver names its class in lower case

from taskmanager.application.changes import Outcome
from taskmanager.application.commands import Partition
from taskmanager.application.event_log import UnreadableEvent
from taskmanager.application.verification.findings import EXAMPLES_MAX, Finding, FindingKind
from taskmanager.application.verification.ledger import PartitionLedger, StoredProgress
from taskmanager.application.verification.replay import DECIDED, TaskHistory
from taskmanager.domain.events import EVENT_STATUS, TaskEvent
from taskmanager.domain.status import TaskStatus
from taskmanager.infrastructure.postgres.errors import translate
from taskmanager.infrastructure.postgres.event_rows import event_of
from taskmanager.infrastructure.postgres.session import Row
from taskmanager.infrastructure.postgres.statements import load_statements

_ROWS_AT_A_TIME = 5000
_STATUS, _METADATA = DECIDED.index("status") + 1, DECIDED.index("metadata") + 1


class PostgresHistory:
    """Implements `History` within one read-only transaction of a connection that is used for nothing else.

    Everything is seen as it was when the first statement began, whatever the consumers write meanwhile.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._statements = load_statements("verify")
        connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
        self._is_prepared = False

    def totals(self) -> tuple[int, int]:
        """See `History.totals`."""
        ((tasks, events),) = self._rows("totals")
        return tasks, events

    def ledgers(self) -> Sequence[PartitionLedger]:
        """See `History.ledgers`."""
        return [_ledger(row) for row in self._rows("ledgers")]

    def check_positions(self) -> Iterable[tuple[Finding, int]]:
        """See `History.check_positions`."""
        return [*self._findings("positions"), *self._findings("incomplete_sources")]

    def check_versions(self) -> Iterable[tuple[Finding, int]]:
        """See `History.check_versions`."""
        return self._findings("versions")

    def check_tasks(self) -> Iterable[tuple[Finding, int]]:
        """See `History.check_tasks`."""
        statuses = {kind.__name__: status.value for kind, status in EVENT_STATUS.items()}
        return self._findings("tasks", {"statuses": orjson.dumps(statuses).decode()})

    def check_counters(self) -> Iterable[tuple[Finding, int]]:
        """See `History.check_counters`."""
        return self._findings("counters")

    def histories(self, sample: int | None) -> Iterator[TaskHistory]:
        """See `History.histories`."""
        drawn = None if sample is None else self._rows("sample", {"size": sample})[0][0]
        events = self._stream("recorded_events", {"sample": drawn})
        event = next(events, None)
        for task in self._stream("stored_tasks", {"sample": drawn}):
            task_id = task[0]
            while event is not None and event[0] < task_id:
                event = next(events, None)  # of no task, which `check_tasks` tells
            rows = []
            while event is not None and event[0] == task_id:
                rows.append(event)
                event = next(events, None)
            if rows:
                yield _history(task, rows)

    def _findings(self, name: str, parameters: Mapping[str, object] | None = None) -> list[tuple[Finding, int]]:
        rows = self._rows(name, {"limit": EXAMPLES_MAX, **(parameters or {})})
        return [
            (Finding(FindingKind(kind), where, expected, found), total) for kind, where, expected, found, total in rows
        ]

    def _rows(self, name: str, parameters: Mapping[str, object] | None = None) -> list[Row]:
        with self._translated(), self._connection.cursor() as cursor:
            if not self._is_prepared:
                cursor.execute(self._statements["prepare"])
                self._is_prepared = True
            cursor.execute(self._statements[name], parameters)
            return cursor.fetchall()

    def _stream(self, name: str, parameters: Mapping[str, object]) -> Iterator[Row]:
        """The rows of a statement by a cursor of the server, so that memory holds a few thousand."""
        with self._translated(), self._connection.cursor(name=name) as cursor:
            cursor.itersize = _ROWS_AT_A_TIME
            cursor.execute(self._statements[name], parameters)
            yield from cursor

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except psycopg2.Error as error:
            raise translate(error) from error


def _ledger(row: Row) -> PartitionLedger:
    topic, partition, topic_id, first_offset, next_offset, outcomes, *rows, retired = row
    progress = None
    if topic_id is not None:
        progress = StoredProgress(topic_id, first_offset, next_offset, _counts(orjson.loads(outcomes)))
    parts = orjson.loads(retired or "[]")
    before = [StoredProgress(**{**part, "outcomes": _counts(part["outcomes"])}) for part in parts]
    return PartitionLedger(Partition(topic, partition), progress, *rows)._replace(retired=before)


def _counts(outcomes: Mapping[str, int]) -> dict[Outcome, int]:
    return {Outcome(name): count for name, count in outcomes.items()}


def _history(task: Row, rows: Sequence[Row]) -> TaskHistory:
    columns = list(task)
    columns[_STATUS] = TaskStatus(columns[_STATUS])
    metadata = columns[_METADATA]
    columns[_METADATA] = orjson.loads(metadata) if metadata is not None else {}
    split = 1 + len(DECIDED)
    events: list[TaskEvent] = []
    unreadable = None
    try:
        events = [event_of(row) for row in rows]
    except UnreadableEvent as error:
        unreadable = str(error)
    return TaskHistory(task[0], tuple(columns[1:split]), tuple(columns[split:]), events, unreadable)
