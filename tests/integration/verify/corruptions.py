"""Every way in which history can be damaged."""

# ruff: noqa: S608 - the values are ours

from taskmanager.application.verification.findings import FindingKind
from tests.builders import task_id

DENSE = "source_topic = 'requests-web-crawl' and source_partition = 0"
FIRST_DENSE = f"{DENSE} and source_offset = 100"

# What is done to the database, where the finding points, and the kinds of finding that this must lead to.
CORRUPTIONS: dict[str, tuple[str, str, set[FindingKind]]] = {
    "an offset row that moved too far": (
        "update consumer_offsets set next_offset = next_offset + 1 where topic = 'task-status'",
        "task-status/0",
        {FindingKind.OUTCOME_ARITHMETIC},
    ),
    "an offset row that moved too far where every offset left a row": (
        (
            "update consumer_offsets set next_offset = next_offset + 1, created = created + 1"
            " where topic = 'requests-web-crawl' and partition = 0"
        ),
        "requests-web-crawl/0/108",
        {FindingKind.CREATED_EVENTS, FindingKind.MISSING_OFFSETS},
    ),
    "an offset row that is gone": (
        "delete from consumer_offsets where topic = 'task-status'",
        "task-status/0",
        {FindingKind.UNKNOWN_PARTITION},
    ),
    "outcomes counted as others": (
        "update consumer_offsets set applied = applied + 9, heartbeat = heartbeat - 9 where topic = 'task-status'",
        "task-status/0",
        {FindingKind.OTHER_EVENTS, FindingKind.PARKED_REPORTS},
    ),
    "a refused report that is gone": (
        "delete from refused_reports where source_topic = 'requests-web-crawl'",
        "requests-web-crawl/1",
        {FindingKind.REFUSED_ROWS, FindingKind.PARKED_REPORTS},
    ),
    "a dead letter that is gone": (
        "delete from dead_letters where source_topic = 'requests-web-crawl'",
        "requests-web-crawl/1",
        {FindingKind.DEAD_LETTER_ROWS},
    ),
    "a parked report that is gone": (
        "delete from parked_statuses",
        "task-status/0",
        {FindingKind.PARKED_REPORTS},
    ),
    "a parked report that stayed behind when it was applied": (
        (
            "insert into parked_statuses (task_id, source_topic, source_partition, source_offset, report, parked_at)"
            " select task_id, source_topic, source_partition, source_offset, '{}', recorded_at from task_events"
            f" where task_id = '{task_id(21)}' and type = 'TaskCompleted'"
        ),
        "task-status/0/114",
        {FindingKind.PARKED_REPORTS, FindingKind.REPEATED_OFFSET},
    ),
    "a duplicate of a parked report that was not counted": (
        "update unparked_counts set duplicate = duplicate - 1",
        "task-status/0",
        {FindingKind.PARKED_REPORTS},
    ),
    "a message that had its effect twice": (
        (
            "insert into refused_reports (task_id, reason, detail, report, source_topic, source_partition,"
            " source_offset, occurred_at, recorded_at) select task_id, 'x', 'x', '{}', source_topic, source_partition,"
            f" source_offset, occurred_at, recorded_at from task_events where {FIRST_DENSE}"
        ),
        "requests-web-crawl/0/100",
        {FindingKind.REPEATED_OFFSET, FindingKind.PARKED_REPORTS},
    ),
    "a source below what was read": (
        f"update task_events set source_offset = 7 where {FIRST_DENSE}",
        "requests-web-crawl/0/7",
        {FindingKind.OFFSET_OUT_OF_RANGE, FindingKind.MISSING_OFFSETS},
    ),
    "a source beyond what was read": (
        "update dead_letters set source_offset = 5000 where source_topic = 'task-status' and reason <> 'unknown_task'",
        "task-status/0/5000",
        {FindingKind.OFFSET_OUT_OF_RANGE},
    ),
    "a source in the middle that is missing": (
        (
            f"update task_events set source_topic = null, source_partition = null, source_offset = null"
            f" where {DENSE} and source_offset between 103 and 104"
        ),
        "requests-web-crawl/0/103..104",
        {FindingKind.MISSING_OFFSETS, FindingKind.CREATED_EVENTS},
    ),
    "half a source": (
        f"update task_events set source_offset = null where {FIRST_DENSE}",
        "event 1",
        {FindingKind.INCOMPLETE_SOURCE, FindingKind.MISSING_OFFSETS},
    ),
    "an event that is gone from the middle": (
        f"delete from task_events where task_id = '{task_id(2)}' and version = 2",
        f"{task_id(2)} version 3",
        {FindingKind.VERSION_GAP, FindingKind.IMPOSSIBLE_HISTORY, FindingKind.PARKED_REPORTS},
    ),
    "the first event gone": (
        f"delete from task_events where task_id = '{task_id(2)}' and version = 1",
        f"{task_id(2)} version 2",
        {
            FindingKind.VERSION_GAP,
            FindingKind.IMPOSSIBLE_HISTORY,
            FindingKind.CREATED_EVENTS,
            FindingKind.MISSING_OFFSETS,
        },
    ),
    "a version that is there twice": (
        (
            "insert into task_events (task_id, version, type, attempt, occurred_at, recorded_at, data)"
            " select task_id, version, type, attempt, occurred_at, recorded_at, data from task_events"
            f" where task_id = '{task_id(2)}' and version = 3"
        ),
        f"{task_id(2)} version 3",
        {FindingKind.VERSION_GAP, FindingKind.IMPOSSIBLE_HISTORY},
    ),
    "numbers that do not grow with versions": (
        f"update task_events set seq = seq + 1000 where task_id = '{task_id(2)}' and version = 2",
        f"{task_id(2)} version 3",
        {FindingKind.SEQUENCE_ORDER},
    ),
    "a time that goes back": (
        f"update task_events set recorded_at = '2020-01-01Z' where task_id = '{task_id(2)}' and version = 3",
        f"{task_id(2)} version 3",
        {FindingKind.RECORDED_AT_ORDER, FindingKind.IMPOSSIBLE_HISTORY},
    ),
    "a task that no event tells of": (
        (
            "insert into web_crawl_tasks (id, user_email, user_query, original_url, status, version, attempt,"
            f" received_at, created_at, updated_at) values ('{task_id(99)}', 'a@example.com', 'q',"
            " 'https://example.com/', 'new', 1, 1, '2026-03-01Z', '2026-03-01Z', '2026-03-01Z')"
        ),
        task_id(99),
        {FindingKind.TASK_WITHOUT_EVENTS, FindingKind.COUNTERS},
    ),
    "a task that is gone": (
        f"delete from web_crawl_tasks where id = '{task_id(8)}'",
        task_id(8),
        {FindingKind.EVENTS_WITHOUT_TASK, FindingKind.COUNTERS},
    ),
    "a task behind its events": (
        f"update web_crawl_tasks set version = 2 where id = '{task_id(2)}'",
        task_id(2),
        {FindingKind.TASK_VERSION, FindingKind.TASK_CONTENT},
    ),
    "a task in another status": (
        f"update web_crawl_tasks set status = 'error' where id = '{task_id(2)}'",
        task_id(2),
        {FindingKind.TASK_STATUS, FindingKind.TASK_CONTENT, FindingKind.COUNTERS},
    ),
    "an event of a type that nobody knows": (
        f"update task_events set type = 'TaskPainted' where task_id = '{task_id(4)}' and version = 2",
        task_id(4),
        {FindingKind.UNREADABLE_EVENT},
    ),
    "an event without its content": (
        f"update task_events set data = null where task_id = '{task_id(3)}' and version = 2",
        task_id(3),
        {FindingKind.UNREADABLE_EVENT},
    ),
    "a change that the state machine does not allow": (
        f"update task_events set type = 'TaskStarted' where task_id = '{task_id(2)}' and version = 3",
        task_id(2),
        {FindingKind.IMPOSSIBLE_HISTORY, FindingKind.TASK_STATUS},
    ),
    "an attempt that never began": (
        f"update task_events set attempt = 2 where task_id = '{task_id(2)}' and version = 3",
        task_id(2),
        {FindingKind.IMPOSSIBLE_HISTORY},
    ),
    "a counter that is off": (
        "update task_counters set count = count + 1 where status = 'cancelled'",
        "cancelled of 2026-03-01T23Z",
        {FindingKind.COUNTERS},
    ),
    "counters that are gone": ("delete from task_counters", "new of 2026-03-01T23Z", {FindingKind.COUNTERS}),
}

# Every column that events decide, each changed by itself in a task that is finished, and those that heartbeats move.
CONTENT = {
    "attempt": "2",
    "user_email": "'other@example.com'",
    "user_query": "'other'",
    "original_url": "'https://example.org/'",
    "metadata": """'{"campaign": "none"}'""",
    "correlation_id": "'other'",
    "received_at": "now()",
    "updated_at": "now()",
    "attempt_started_at": "now()",
    "not_before": "now()",
    "started_at": "null",
    "finished_at": "now()",
    "result": "null",
    "error": "'none'",
    "retryable": "true",
    "deleted_at": "now()",
    "last_heartbeat_at": "'2020-01-01Z'",
}
