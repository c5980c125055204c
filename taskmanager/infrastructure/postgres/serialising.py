"""Changes as what goes over the wire: one script, and for many new tasks and events two texts for COPY before it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from taskmanager.application.changes import Changes, Outcome
from taskmanager.infrastructure.postgres.copying import copy_rows
from taskmanager.infrastructure.postgres.few_rows import are_few, event_rows, new_task_rows
from taskmanager.infrastructure.postgres.rows import action_row, changed_row, dead_row, dumps, parked_row, refused_row
from taskmanager.infrastructure.postgres.session import Script

# A statement with its parameters.
Statement = tuple[str, Mapping[str, object]]


class SerialisedChanges:
    """Everything that a transaction writes, ready to be sent; made once, sent as often as need be.

    `slot` names the writer among all that count. Whatever is locked by the statement `first`, nothing is written before
    it; its parameters must have names of their own.
    """

    def __init__(
        self, changes: Changes, slot: str, statements: Mapping[str, str], first: Statement | None = None
    ) -> None:
        self.created_ids = sorted(changes.created)
        self._parameters: dict[str, object] = {"now": changes.now, "slot": slot}
        self._before = ""
        if first is not None:
            self._before = f"{first[0]}; "
            self._parameters |= first[1]
        sets = _sets(changes)
        self._copies: list[tuple[str, bytes]] = []
        if are_few(changes):
            sets = _few_sets(changes) | sets
        else:
            tasks, events = copy_rows(changes)
            self._copies = [(statements["copy_tasks"], tasks), (statements["copy_events"], events)]
        names = []
        for name, (parameter, rows) in sets.items():
            if rows:
                names.append(name)
                self._parameters[parameter] = dumps(rows)
        if changes.unparked:
            names.append("delete_parked")
            self._parameters["unparked_ids"] = array(map(str, changes.unparked))
        self._rest = "; ".join([*(statements[name] for name in names), "commit"])

    def write(self, script: Script) -> None:
        """Sends it all in a transaction that has begun, new tasks and events before what follows; commits."""
        self._send(script, self._before)

    def write_at_once(self, script: Script) -> None:
        """Sends it all as a transaction of its own."""
        self._send(script, f"begin; {self._before}")

    def as_one(self) -> Statement | None:
        """A script that is the whole transaction; None where that takes more than one."""
        return None if self._copies else (f"begin; {self._before}{self._rest}", self._parameters)

    def _send(self, script: Script, before: str) -> None:
        if self._copies and before:
            script.execute(before, self._parameters)
            before = ""
        for statement, rows in self._copies:
            if rows:
                script.copy(statement, rows)
        script.execute(before + self._rest, self._parameters)


def array(items: Iterable[str]) -> str:
    """PostgreSQL's text of an array of ids or numbers."""
    return "{" + ",".join(items) + "}"


def _sets(changes: Changes) -> dict[str, tuple[str, Sequence[Any]]]:
    """The rows of each statement beside those for new tasks and events, and the name of its parameter."""
    return {
        "update_tasks": ("changed", [changed_row(changes.changed[key]) for key in sorted(changes.changed)]),
        "add_counts": ("counts", _count_rows(changes)),
        "insert_dead_letters": ("dead", [dead_row(*letter) for letter in changes.dead]),
        "act_on_letters": ("letter_actions", [action_row(action) for action in changes.letter_actions]),
        "insert_parked": ("parked", [parked_row(report) for report in changes.parked]),
        "count_unparked": ("unparked", _unparked_rows(changes)),
        "insert_refused": ("refused", [refused_row(*refusal) for refusal in changes.refused]),
        "advance_offsets": ("offsets", _offset_rows(changes)),
    }


def _few_sets(changes: Changes) -> dict[str, tuple[str, Sequence[Any]]]:
    return {
        "insert_new_tasks": ("made", new_task_rows(changes)),
        "insert_events": ("recorded", event_rows(changes)),
    }


def _count_rows(changes: Changes) -> list[dict[str, Any]]:
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
