"""Changes as what goes over the wire: two texts for COPY and one script for all the rest."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from taskmanager.application.changes import Changes, Outcome
from taskmanager.infrastructure.postgres.copying import copy_rows
from taskmanager.infrastructure.postgres.rows import action_row, changed_row, dead_row, dumps, parked_row, refused_row
from taskmanager.infrastructure.postgres.session import Script


class SerialisedChanges:
    """Everything that a transaction writes, ready to be sent; made once, sent as often as need be."""

    def __init__(self, changes: Changes, slot: str, statements: Mapping[str, str]) -> None:
        self._statements = statements
        self._tasks, self._events = copy_rows(changes)
        self._parameters: dict[str, object] = {"now": changes.now, "slot": slot}
        names = []
        for name, (parameter, rows) in _sets(changes).items():
            if rows:
                names.append(name)
                self._parameters[parameter] = dumps(rows)
        if changes.unparked:
            names.append("delete_parked")
            self._parameters["unparked_ids"] = array(map(str, changes.unparked))
        self._rest = "; ".join([*(statements[name] for name in names), "commit"])

    def write(self, script: Script) -> None:
        """Sends it all, new tasks and events first, and commits."""
        if self._tasks:
            script.copy(self._statements["copy_tasks"], self._tasks)
        if self._events:
            script.copy(self._statements["copy_events"], self._events)
        script.execute(self._rest, self._parameters)


def array(items: Iterable[str]) -> str:
    """PostgreSQL's text of an array of ids or numbers."""
    return "{" + ",".join(items) + "}"


def _sets(changes: Changes) -> dict[str, tuple[str, Sequence[Any]]]:
    """The rows of each statement beside COPY, and the name of its parameter."""
    return {
        "update_tasks": ("changed", [changed_row(changes.changed[key]) for key in sorted(changes.changed)]),
        "add_counts": ("counts", count_rows(changes)),
        "insert_dead_letters": ("dead", [dead_row(*letter) for letter in changes.dead]),
        "act_on_letters": ("letter_actions", [action_row(action) for action in changes.letter_actions]),
        "insert_parked": ("parked", [parked_row(report) for report in changes.parked]),
        "count_unparked": ("unparked", _unparked_rows(changes)),
        "insert_refused": ("refused", [refused_row(*refusal) for refusal in changes.refused]),
        "advance_offsets": ("offsets", _offset_rows(changes)),
    }


def count_rows(changes: Changes) -> list[dict[str, Any]]:
    """How the numbers of tasks per hour and status change."""
    return [
        {"created_hour": hour, "status": status.value, "count": count}
        for (hour, status), count in sorted(changes.counts.items())
        if count
    ]


def _offset_rows(changes: Changes) -> list[dict[str, Any]]:
    none = {outcome.value: 0 for outcome in Outcome}
    return [
        {
            **none,
            **{outcome.value: count for outcome, count in moved.outcomes.items()},
            "topic": partition.topic,
            "partition": partition.partition,
            "next_offset": moved.next_offset,
            "ingested_at": moved.ingested_at,
        }
        for partition, moved in sorted(changes.progress.items())
    ]


def _unparked_rows(changes: Changes) -> list[dict[str, Any]]:
    return [
        {
            "topic": partition.topic,
            "partition": partition.partition,
            "duplicate": counts.get(Outcome.DUPLICATE, 0),
            "heartbeat": counts.get(Outcome.HEARTBEAT, 0),
        }
        for partition, counts in sorted(changes.unparked_counts.items())
    ]
