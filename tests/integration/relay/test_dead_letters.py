"""Dead letters on the topics that operators read."""

from collections.abc import Mapping, Sequence
from typing import Any

from psycopg2 import Binary

from taskmanager.infrastructure.postgres.relay import PostgresRelayStore
from taskmanager.infrastructure.postgres.session import Session
from tests.builders import task_id
from tests.fakes.messages import REQUESTS, STATUSES, message
from tests.integration.ingest.writers import Writer
from tests.integration.relay.conftest import Start, Until
from tests.integration.relay.history import append, created_tasks, full_life
from tests.integration.relay.topics import Topics, headers_of
from tests.scratch import ScratchDatabase

_WAITS = "select count(*) from pg_locks where not granted and locktype in ('transactionid', 'tuple')"


async def write(session: Session, *messages: Any) -> None:
    """Ingests messages none of which is sound."""
    await Writer(session, "0-consumer-00").receive(list(messages))


def unpublished(database: ScratchDatabase) -> int:
    return int(database.value("select count(*) from dead_letters where published_at is null"))


async def test_a_letter_is_byte_for_byte_what_it_was(
    database: ScratchDatabase, topics: Topics, start: Start, session: Session, until: Until
) -> None:
    topics.make(topics.events)
    letters = topics.make_for_letters(STATUSES, partitions=3)
    headers: list[tuple[str, bytes | None]] = [("id", b"\xff\x00"), ("status", None), ("x", b""), ("x", b"2")]
    value = b'{"result": "\xfe\x00'
    await write(session, message(STATUSES, value, key=b"\x00\xff", headers=headers, partition=2, offset=17))
    await start()
    await until(lambda: len(topics.read(letters)) == 1)

    (letter,) = topics.read(letters)
    assert (letter.partition(), letter.key(), letter.value()) == (2, b"\x00\xff", value)
    assert letter.headers()[:4] == headers
    told = dict(letter.headers()[4:])
    ((id_, reason, detail, recorded_at),) = database.run("select id, reason, detail, recorded_at from dead_letters")
    assert told == {
        "dlq_id": str(id_).encode(),
        "dlq_reason": reason.encode(),
        "dlq_detail": detail.encode(),
        "dlq_topic": STATUSES.encode(),
        "dlq_partition": b"2",
        "dlq_offset": b"17",
        "dlq_recorded_at": told["dlq_recorded_at"],
    }
    assert told["dlq_recorded_at"].decode()[:19] == recorded_at.isoformat()[:19]
    await until(lambda: unpublished(database) == 0)


async def test_a_tombstone_without_key_stays_one(topics: Topics, start: Start, session: Session, until: Until) -> None:
    topics.make(topics.events)
    letters = topics.make_for_letters(REQUESTS, partitions=1)
    await write(session, message(REQUESTS, None, headers={"id": task_id()}, partition=5))
    await start()
    await until(lambda: len(topics.read(letters)) == 1)

    (letter,) = topics.read(letters)
    assert (letter.partition(), letter.key(), letter.value()) == (0, None, None)
    assert headers_of(letter)["dlq_partition"] == b"5"


async def test_a_missing_topic_holds_up_neither_events_nor_other_letters(
    database: ScratchDatabase, topics: Topics, start: Start, session: Session, until: Until
) -> None:
    topics.make(topics.events)
    letters = topics.make_for_letters(STATUSES)
    await write(session, *(message(REQUESTS, b"{", headers={}, offset=offset) for offset in range(300)))
    await write(session, message(STATUSES, b"{", headers={}))
    append(database, created_tasks(10))
    await start()
    await until(lambda: len(topics.read(letters)) == 1 and len(topics.read(topics.events)) == 10)
    assert unpublished(database) >= 300

    later = topics.make_for_letters(REQUESTS)
    await until(lambda: len(topics.read(later)) == 300 and unpublished(database) == 0)


async def test_a_letter_that_somebody_else_holds_holds_up_no_event(
    database: ScratchDatabase, topics: Topics, start: Start, session: Session, until: Until
) -> None:
    topics.make(topics.events)
    letters = topics.make_for_letters(STATUSES)
    await write(session, message(STATUSES, b"{", headers={}))
    with database.connected("app", autocommit=False) as operator, operator.cursor() as cursor:
        cursor.execute("select id from dead_letters for update")
        await start()
        await until(lambda: len(topics.read(letters)) == 1)  # from now on the relay waits for the row
        await until(lambda: database.run(_WAITS, role="superuser") != [(0,)])
        append(database, created_tasks(10))
        await until(lambda: len(topics.read(topics.events)) == 10)
        assert database.run(_WAITS, role="superuser") != [(0,)]
        operator.rollback()
    await until(lambda: unpublished(database) == 0)

    assert database.value("select epoch from event_readers where name = 'relay'") == 1
    assert len(topics.read(letters)) == 1


async def test_a_letter_that_is_too_large_goes_without_its_value(
    database: ScratchDatabase, topics: Topics, start: Start, session: Session, until: Until
) -> None:
    topics.make(topics.events)
    letters = topics.make_for_letters(STATUSES, partitions=1, max_message_bytes="3000")
    sizes = [100, 5000, 200]
    await write(
        session, *(message(STATUSES, b"{" * size, headers={}, offset=offset) for offset, size in enumerate(sizes))
    )
    await start()
    await until(lambda: len(topics.read(letters)) == 3)

    told = [(len(letter.value() or b""), "dlq_value_omitted" in headers_of(letter)) for letter in topics.read(letters)]
    assert told == [(100, False), (0, True), (200, False)]


class TestStore:
    """What the relay reads beside the log."""

    async def test_histories_come_whole_task_by_task(self, database: ScratchDatabase, session: Session) -> None:
        append(database, full_life())
        append(database, created_tasks(3, 10))
        store = PostgresRelayStore(session, "relay")
        found = await store.before({task_id(11): 2, task_id(1): 4, task_id(10): 1, task_id(99): 5})

        assert [(event.task_id, event.version) for event in found] == [
            (task_id(11), 1),
            (task_id(1), 1),
            (task_id(1), 2),
            (task_id(1), 3),
        ]

    async def test_histories_are_bounded_but_for_the_first(self, database: ScratchDatabase, session: Session) -> None:
        entries = append(database, created_tasks(4))
        large = [entry._replace(data='{"userQuery": "' + "x" * 1900 + '"}') for entry in entries]
        self._rewrite(database, large)
        for bound, expected in ((1, 1), (4500, 2), (1 << 20, 4)):
            store = PostgresRelayStore(session, "relay", history_bytes=bound)
            found = await store.before({entry.task_id: 2 for entry in entries})
            assert [event.task_id for event in found] == [entry.task_id for entry in entries[:expected]]

    async def test_the_end_of_the_log_is_its_highest_number(self, database: ScratchDatabase, session: Session) -> None:
        store = PostgresRelayStore(session, "relay")
        assert await store.last_event() == 0
        entries = append(database, created_tasks(3))
        assert await store.last_event() == entries[-1].seq

    async def test_letters_come_topic_by_topic_oldest_first(self, database: ScratchDatabase, session: Session) -> None:
        self._letters(database, [("b", b"x"), ("a", b"x"), ("b", b"x"), ("c", b"x"), ("b", b"x")])
        store = PostgresRelayStore(session, "relay")

        assert [(each.topic, each.id) for each in await store.unpublished(2, [])] == [
            ("a", 2),
            ("b", 1),
            ("b", 3),
            ("c", 4),
        ]
        assert {each.topic for each in await store.unpublished(2, ["b", "c"])} == {"a"}
        assert await store.unpublished(2, ["a", "b", "c"]) == []

    async def test_large_letters_come_a_few_at_a_time(self, database: ScratchDatabase, session: Session) -> None:
        self._letters(database, [("a", b"x" * (3 << 20))] * 4)
        store = PostgresRelayStore(session, "relay")

        assert len(await store.unpublished(100, [])) == 2

    async def test_keys_and_headers_count_as_values_do(self, database: ScratchDatabase, session: Session) -> None:
        for number, (key, header) in enumerate([(3 << 20, 0), (0, 3 << 20)] * 2):
            row = {"number": number, "key": Binary(b"k" * key), "headers": f'[["h", "{"QUJD" * (header // 4)}"]]'}
            database.run(
                "insert into dead_letters (source_topic, source_partition, source_offset, reason, detail, key,"
                " headers, recorded_at) values ('a', 0, %(number)s, 'malformed_json', 'no JSON', %(key)s,"
                " %(headers)s, now())",
                row,
            )
        store = PostgresRelayStore(session, "relay")

        assert len(await store.unpublished(100, [])) == 2

    async def test_only_the_present_term_settles(self, database: ScratchDatabase, session: Session) -> None:
        self._letters(database, [("a", b"x")] * 3)
        database.run("insert into event_readers (name, epoch) values ('relay', 5)")
        store = PostgresRelayStore(session, "relay")

        assert not await store.settle([1, 2], epoch=4)
        assert unpublished(database) == 3
        assert await store.settle([1, 2], epoch=5)
        assert unpublished(database) == 1

    async def test_looking_for_letters_costs_nothing_when_there_are_none(
        self, database: ScratchDatabase, session: Session
    ) -> None:
        self._letters(database, [("a", b"x")])
        database.run(
            "insert into dead_letters"
            " (source_topic, source_partition, source_offset, reason, detail, headers, recorded_at)"
            " select source_topic, 0, n, reason, detail, headers, now() from dead_letters, generate_series(1, 2000) n"
        )
        database.run("update dead_letters set published_at = now()")
        database.run("vacuum analyze dead_letters")
        store = PostgresRelayStore(session, "relay")
        assert await store.unpublished(100, []) == []
        plan = "\n".join(line for (line,) in database.run(self._explained(store)))

        assert "Seq Scan on dead_letters" not in plan
        assert "dead_letters_unpublished" in plan

    @staticmethod
    def _explained(store: PostgresRelayStore) -> str:
        statement = store._statements["unpublished_letters"]
        return "explain " + statement % {"limit": "100", "left_out": "'{}'", "bytes_max": "1000"}

    @staticmethod
    def _letters(database: ScratchDatabase, letters: Sequence[tuple[str, bytes]]) -> None:
        for offset, (topic, value) in enumerate(letters):
            row: Mapping[str, Any] = {"topic": topic, "offset": offset, "value": Binary(value)}
            database.run(
                "insert into dead_letters (source_topic, source_partition, source_offset, reason, detail, value,"
                " headers, recorded_at) values (%(topic)s, 0, %(offset)s, 'malformed_json', 'no JSON', %(value)s,"
                " '[]', now())",
                row,
            )

    @staticmethod
    def _rewrite(database: ScratchDatabase, entries: Sequence[Any]) -> None:
        """History is append-only; a test may do what its owner may not."""
        with database.connected("superuser") as connection, connection.cursor() as cursor:
            cursor.execute("set session_replication_role = replica")
            for entry in entries:
                cursor.execute("update task_events set data = %s where seq = %s", (entry.data, entry.seq))
