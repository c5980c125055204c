"""Messages as the relay writes them."""

import json
from datetime import UTC, datetime

from taskmanager.application.commands import InboundMessage
from taskmanager.domain.events import EVENT_STATUS, EVENT_TYPES

TASK = "0190f1c2-7a3b-7cde-8f01-23456789abcd"
NOW = datetime(2025, 6, 1, 12, tzinfo=UTC)


def relayed(
    task_id: str = TASK,
    version: int = 1,
    kind: str = "TaskCreated",
    *,
    attempt: int = 1,
    not_before: datetime | None = None,
    partition: int = 0,
    **headers: str,
) -> InboundMessage:
    status = EVENT_STATUS[EVENT_TYPES[kind]].value
    texts = {
        "id": task_id,
        "task_type": "web-crawl",
        "status": status,
        "timestamp": NOW.isoformat(),
        "source": "task-manager",
        "version": "1",
        "attempt": str(attempt),
        "event_id": f"{task_id}:{version}",
        "event_type": kind,
        "sequence": "17",
    } | headers
    body = {"id": task_id, "status": status, "version": version, "attempt": attempt}
    if not_before is not None:
        body["notBefore"] = not_before.isoformat()
    return InboundMessage(
        topic="task-status",
        partition=partition,
        offset=0,
        timestamp_ms=0,
        key=task_id.encode(),
        headers=[(name, text.encode()) for name, text in texts.items()],
        value=json.dumps(body).encode(),
    )
