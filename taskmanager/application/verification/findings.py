"""What a check found wrong."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import NamedTuple

EXAMPLES_MAX = 20


class FindingKind(StrEnum):
    """The ways in which history can be incomplete or contradict itself."""

    OUTCOME_ARITHMETIC = "outcome_arithmetic"
    CREATED_EVENTS = "created_events"
    OTHER_EVENTS = "other_events"
    REFUSED_ROWS = "refused_rows"
    DEAD_LETTER_ROWS = "dead_letter_rows"
    PARKED_REPORTS = "parked_reports"
    UNKNOWN_PARTITION = "unknown_partition"
    REPEATED_OFFSET = "repeated_offset"
    OFFSET_OUT_OF_RANGE = "offset_out_of_range"
    MISSING_OFFSETS = "missing_offsets"
    INCOMPLETE_SOURCE = "incomplete_source"
    VERSION_GAP = "version_gap"
    SEQUENCE_ORDER = "sequence_order"
    RECORDED_AT_ORDER = "recorded_at_order"
    TASK_WITHOUT_EVENTS = "task_without_events"
    EVENTS_WITHOUT_TASK = "events_without_task"
    TASK_VERSION = "task_version"
    TASK_STATUS = "task_status"
    UNREADABLE_EVENT = "unreadable_event"
    IMPOSSIBLE_HISTORY = "impossible_history"
    TASK_CONTENT = "task_content"
    COUNTERS = "counters"
    TOPIC_ID = "topic_id"
    BEYOND_TOPIC_END = "beyond_topic_end"
    UNREAD_REMOVED = "unread_removed"


class Finding(NamedTuple):
    """One contradiction: `where` names topic/partition/offset, task id or hour."""

    kind: FindingKind
    where: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"{self.kind.value}: {self.where}: expected {self.expected}, found {self.found}"


class Findings:
    """Collects findings: all are counted, the first 20 of each kind are kept."""

    def __init__(self) -> None:
        self._examples: dict[FindingKind, list[Finding]] = {}
        self._totals: dict[FindingKind, int] = {}

    def add(self, findings: Iterable[Finding]) -> None:
        """Adds what a check found."""
        for finding in findings:
            self._totals[finding.kind] = self._totals.get(finding.kind, 0) + 1
            examples = self._examples.setdefault(finding.kind, [])
            if len(examples) < EXAMPLES_MAX:
                examples.append(finding)

    def add_counted(self, findings: Iterable[tuple[Finding, int]]) -> None:
        """Adds examples of which each comes with the number of all of its kind that the check found."""
        totals: dict[FindingKind, int] = {}
        for finding, total in findings:
            totals[finding.kind] = total
            examples = self._examples.setdefault(finding.kind, [])
            if len(examples) < EXAMPLES_MAX:
                examples.append(finding)
        for kind, total in totals.items():
            self._totals[kind] = self._totals.get(kind, 0) + total

    @property
    def totals(self) -> Mapping[FindingKind, int]:
        """How many there are of each kind; empty if all is well."""
        return self._totals

    def examples(self, kind: FindingKind) -> list[Finding]:
        """The first of a kind, at most 20."""
        return self._examples.get(kind, [])
