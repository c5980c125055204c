"""What one raw connection reaches with the same rows by COPY: the upper bound of any write path."""

from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from io import BytesIO
from itertools import islice
from time import perf_counter

import psycopg2

from loadtests.bench.traffic import Message
from taskmanager.infrastructure.postgres.statements import load_statements

BATCH = 2000


def prepared(messages: Sequence[Message], topic: str) -> list[tuple[bytes, bytes]]:
    """The rows of tasks and events that these requests make, in batches of 2,000, each sorted by id."""
    now = datetime.now(UTC).isoformat()
    rows = iter(messages)
    batches = []
    number = 0
    while part := sorted(islice(rows, BATCH)):
        tasks, events = [], []
        for task_id, body, headers in part:
            data = body.decode()
            email, query, url = data.split('"')[3::4]
            at, correlation = headers[3][1].decode(), headers[5][1].decode()
            tasks.append(f"{task_id}\t{email}\t{query}\t{url}\t\t{correlation}\tnew\t1\t1\t{at}\t{now}\t{now}\n")
            cause = f"{topic}\t0\t{number}\tgateway\t{correlation}\t\t"
            events.append(f"{task_id}\t1\tTaskCreated\t1\t{at}\t{now}\t{data}\t{cause}\n")
            number += 1
        batches.append(("".join(tasks).encode(), "".join(events).encode()))
    return batches


def measure(dsn: str, batches: Sequence[tuple[bytes, bytes]]) -> float:
    """Rows of tasks (each with its event) per second, every batch a durable transaction."""
    statements = load_statements("ingest")
    with closing(psycopg2.connect(dsn)) as connection, connection.cursor() as cursor:
        began = perf_counter()
        for tasks, events in batches:
            cursor.copy_expert(statements["copy_tasks"], BytesIO(tasks), size=1 << 20)
            cursor.copy_expert(statements["copy_events"], BytesIO(events), size=1 << 20)
            connection.commit()
        seconds = perf_counter() - began
    return sum(tasks.count(b"\n") for tasks, _ in batches) / seconds
