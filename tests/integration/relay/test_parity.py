"""A message's body is the task as REST shows it."""

import msgspec
import orjson
from psycopg2.extensions import parse_dsn

from taskmanager.domain.values import TaskId
from taskmanager.infrastructure.postgres.pool import ReadPool
from taskmanager.infrastructure.postgres.session import Session
from taskmanager.infrastructure.postgres.tasks import PostgresTaskReader
from tests.builders import task_id
from tests.fakes.messages import body, report, request
from tests.integration.ingest.writers import Writer
from tests.integration.relay.conftest import Start, Until
from tests.integration.relay.topics import Topics, headers_of
from tests.scratch import ScratchDatabase


async def test_after_every_report_both_say_the_same(
    database: ScratchDatabase, topics: Topics, start: Start, session: Session, until: Until
) -> None:
    topics.make(topics.events)
    await start()
    pool = ReadPool(parse_dsn(database.dsn("app")), size=1, wait_timeout=10, statement_timeout=10, idle_timeout=60)
    reader, writer = PostgresTaskReader(pool), Writer(session, "0-consumer-00")
    steps = [
        request(body(metadata={"tenant": "ä", "empty": ""}), headers={"correlation_id": "c-1", "source": "gateway"}),
        report("in_progress", {"worker": "w-1", "progress": 0.5}, offset=0),
        report("completed", {"result": {"pages": [1, 2]}}, offset=1),
    ]
    for version, step in enumerate(steps, start=1):
        await writer.receive([step])
        await until(lambda count=version: len(topics.read(topics.events)) == count)
        shown = await reader.find(TaskId(task_id()))
        (told,) = [m for m in topics.read(topics.events) if headers_of(m)["event_id"].endswith(b":%d" % version)]
        assert orjson.loads(told.value()) == orjson.loads(msgspec.json.encode(shown))
    await pool.close()
