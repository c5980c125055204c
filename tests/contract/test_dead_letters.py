"""What may be expected of whatever keeps dead letters."""

from collections.abc import AsyncIterator
from typing import NamedTuple

import pytest
from psycopg2.extensions import parse_dsn

from taskmanager.application.changes import Changes
from taskmanager.application.commands import UNREADABLE_HEADERS, InboundMessage, Reject
from taskmanager.application.dead_letter_model import (
    Extent,
    LetterAction,
    LetterActionKind,
    LetterCount,
    LetterFilter,
    LetterState,
)
from taskmanager.application.dead_letter_ports import DeadLetterReader, LetterStore
from taskmanager.application.dead_letters import DeadLetterReason as Reason
from taskmanager.application.ports import StoreConflict
from taskmanager.infrastructure.postgres.dead_letters import PostgresDeadLetterReader
from taskmanager.infrastructure.postgres.letter_store import PostgresLetterStore
from taskmanager.infrastructure.postgres.pool import ReadPool
from taskmanager.infrastructure.postgres.session import Session
from tests.builders import at, task_id
from tests.contract.adapters import Adapter, InMemoryAdapter
from tests.fakes.batches import first_offsets
from tests.fakes.dead_letters import InMemoryDeadLetters
from tests.fakes.messages import REQUESTS, STATUSES, TOPIC_IDS, report, request

_OPEN, _REPLAYED, _DISCARDED = LetterState.OPEN, LetterState.REPLAYED, LetterState.DISCARDED


class Letters(NamedTuple):
    """Both ports, and the store of the consumers."""

    reader: DeadLetterReader
    store: LetterStore
    adapter: Adapter

    async def record(self, second: float, *letters: tuple[InboundMessage, Reason]) -> None:
        """Letters as a consumer writes them."""
        changes = Changes(at(second), {})
        for message, reason in letters:
            number = int(str(message.offset)) % 3
            changes.dead.append((message, Reject(reason, f"detail {reason}", task_id(number) if number else None)))
        async with self.adapter.store.transaction() as transaction:
            await transaction.load([], [], [])
            await transaction.commit(self.adapter.store.serialise(changes))

    async def act(self, second: float, *actions: LetterAction) -> None:
        """What operators do."""
        changes = Changes(at(second), {})
        changes.letter_actions = list(actions)
        async with self.store.transaction() as transaction:
            await transaction.lock(sorted(action.letter_id for action in actions))
            await transaction.commit(self.store.serialise(changes))

    async def ids(self, **wanted: object) -> list[int]:
        """The letters that match, by their ids."""
        return [letter.id for letter in await self.reader.newest(LetterFilter(**wanted), 100)]  # type: ignore[arg-type]


@pytest.fixture
async def letters(adapter: Adapter, request: pytest.FixtureRequest) -> AsyncIterator[Letters]:
    """Nothing but what the test puts there."""
    await adapter.offsets.register(first_offsets([_request(0), _report(0)]))
    if isinstance(adapter, InMemoryAdapter):
        fake = InMemoryDeadLetters(adapter._store)
        yield Letters(fake, fake, adapter)
        return
    arguments = parse_dsn(request.getfixturevalue("database").dsn("app"))
    pool = ReadPool(arguments, size=2, wait_timeout=5, statement_timeout=10, idle_timeout=60)
    session = Session(arguments, timeout=10)
    yield Letters(PostgresDeadLetterReader(pool), PostgresLetterStore(session, "dlq"), adapter)
    await session.close()
    await pool.close()


def _request(offset: int, value: object = b"{") -> InboundMessage:
    return request(value, offset=offset)


def _report(offset: int, value: object = b"") -> InboundMessage:
    return report(value=value, offset=offset, partition=1)


def replay(letter_id: int, **more: object) -> LetterAction:
    return LetterAction(**{"letter_id": letter_id, "kind": LetterActionKind.REPLAY, "actor": "ann"} | more)  # type: ignore[arg-type]


async def _four(letters: Letters) -> None:
    """1 and 2 at second 1 (2 names task 2), 3 and 4 at second 2 (4 names task 2)."""
    await letters.record(1, (_request(0), Reason.MALFORMED_JSON), (_request(2), Reason.MISSING_FIELD))
    await letters.record(2, (_report(3), Reason.EMPTY_BODY), (_report(5, b"{"), Reason.MALFORMED_JSON))


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({}, [1, 2, 3, 4]),
        ({"reasons": ("malformed_json",)}, [1, 4]),
        ({"reasons": ("empty_body", "missing_field")}, [2, 3]),
        ({"topic": STATUSES}, [3, 4]),
        ({"partition": 0}, [1, 2]),
        ({"topic": REQUESTS, "partition": 1}, []),
        ({"task_id": task_id(2)}, [2, 4]),
        ({"since": at(2)}, [3, 4]),
        ({"until": at(2)}, [1, 2]),
        ({"since": at(1), "until": at(3), "reasons": ("malformed_json",), "task_id": task_id(2)}, [4]),
        ({"state": _REPLAYED}, []),
        ({"state": None}, [1, 2, 3, 4]),
    ],
    ids=str,
)
async def test_a_filter_leaves_what_satisfies_all_of_it(
    letters: Letters, wanted: dict[str, object], expected: list[int]
) -> None:
    await _four(letters)
    wish = LetterFilter(**wanted)  # type: ignore[arg-type]

    assert await letters.ids(**wanted) == expected
    assert await letters.reader.extent(wish) == Extent(len(expected), max(expected, default=0))
    assert list(await letters.reader.following(wish, 0, 100, 100)) == expected


async def test_pages_go_back_from_the_newest(letters: Letters) -> None:
    await _four(letters)
    wish = LetterFilter()

    assert [letter.id for letter in await letters.reader.newest(wish, 3)] == [2, 3, 4]
    assert [letter.id for letter in await letters.reader.newest(wish, 3, before=2)] == [1]
    assert list(await letters.reader.newest(wish, 3, before=1)) == []


async def test_a_walk_goes_forward_within_its_bounds(letters: Letters) -> None:
    await _four(letters)

    assert list(await letters.reader.following(LetterFilter(), 1, 3, 10)) == [2, 3]
    assert list(await letters.reader.following(LetterFilter(), 0, 4, 2)) == [1, 2]


async def test_a_summary_tells_all_but_the_message(letters: Letters) -> None:
    await letters.record(7, (_request(5, b"{..."), Reason.MALFORMED_JSON), (_request(6, None), Reason.TOMBSTONE))
    first, second = await letters.reader.newest(LetterFilter(), 2)

    assert (first.topic, first.partition, first.offset) == (REQUESTS, 0, 5)
    assert (first.reason, first.detail, first.task_id) == ("malformed_json", "detail malformed_json", task_id(2))
    assert (first.state, first.size, first.recorded_at) == (_OPEN, 4, at(7))
    assert (first.settled_at, first.settled_by) == (None, None)
    assert (second.size, second.task_id) == (None, None)


async def test_letters_are_counted_by_reason_and_state(letters: Letters) -> None:
    await _four(letters)
    await letters.act(5, replay(1))

    assert await letters.reader.counts(LetterFilter(state=None)) == [
        LetterCount("empty_body", _OPEN, 1, at(2), at(2)),
        LetterCount("malformed_json", _OPEN, 1, at(2), at(2)),
        LetterCount("malformed_json", _REPLAYED, 1, at(1), at(1)),
        LetterCount("missing_field", _OPEN, 1, at(1), at(1)),
    ]
    assert await letters.reader.counts(LetterFilter(reasons=("tombstone",))) == []


_MESSAGES = [
    InboundMessage(REQUESTS, 0, 0, 1_772_366_400_123, b"\0key", [("a", b"\xff"), ("b", None), ("a", b"")], b"\0\xff"),
    InboundMessage(REQUESTS, 0, 1, None, None, [], None),
    InboundMessage(STATUSES, 1, 2, -1, b"", UNREADABLE_HEADERS, b""),
]


async def test_a_message_comes_back_byte_for_byte(letters: Letters) -> None:
    await letters.record(1, *((message, Reason.WRONG_TYPE) for message in _MESSAGES))
    loaded = await letters.reader.load([1, 2, 3], 1000)

    assert [letter.message for letter in loaded] == _MESSAGES
    assert loaded[2].message.headers is UNREADABLE_HEADERS
    assert [letter.topic_id for letter in loaded] == [TOPIC_IDS[message.topic] for message in _MESSAGES]
    assert [letter.summary for letter in loaded] == await letters.reader.newest(LetterFilter(), 3)


@pytest.mark.parametrize(("limit", "expected"), [(0, [1]), (15_000, [1]), (25_000, [1, 2]), (60_000, [1, 2, 3, 4])])
async def test_as_many_are_loaded_as_fit_with_keys_and_headers(
    letters: Letters, limit: int, expected: list[int]
) -> None:
    large = b"x" * 10_000
    messages = [
        _request(0, large),
        _request(1)._replace(key=large),
        _request(2)._replace(headers=[("large", large)]),
        _request(3)._replace(key=None, value=None, headers=[]),
    ]
    await letters.record(1, *((message, Reason.MALFORMED_JSON) for message in messages))

    assert [letter.summary.id for letter in await letters.reader.load([4, 3, 2, 1, 9], limit)] == expected
    assert list(await letters.reader.load([9], limit)) == []


async def test_a_replay_settles_a_letter_and_links_it_to_the_task(letters: Letters) -> None:
    await _four(letters)
    await letters.act(9, replay(1, outcome="created", task_id=task_id(7)))
    (letter,) = await letters.reader.newest(LetterFilter(state=_REPLAYED), 9)

    assert (letter.id, letter.state, letter.settled_at, letter.settled_by) == (1, _REPLAYED, at(9), "ann")
    assert letter.task_id == task_id(7)
    assert await letters.ids() == [2, 3, 4]


async def test_history_keeps_everything_in_order(letters: Letters) -> None:
    await _four(letters)
    edited = _request(2)._replace(key=b"k", value=b"\xff", headers=[("a", b"\0"), ("b", None)])
    actions = [
        replay(2, kind=LetterActionKind.FAILED_REPLAY, outcome="wrong_type", detail="a must be b", edited=edited),
        replay(2, kind=LetterActionKind.DISCARD, actor="bob", detail="we do not need it"),
        replay(2, outcome="duplicate", edited=_request(2)._replace(headers=[], value=None)),
    ]
    for second, action in enumerate(actions, start=10):
        await letters.act(second, action)

    assert await letters.reader.history(2) == [(at(second), action) for second, action in enumerate(actions, start=10)]
    assert await letters.reader.history(1) == []
    (letter,) = await letters.reader.load([2], 0)
    assert letter.message == _request(2)
    assert letter.summary.task_id == task_id(2)


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        (LetterActionKind.REPLAY, _REPLAYED),
        (LetterActionKind.DISCARD, _DISCARDED),
        (LetterActionKind.FAILED_REPLAY, _OPEN),
    ],
)
async def test_what_an_action_makes_of_a_letter(letters: Letters, kind: LetterActionKind, state: LetterState) -> None:
    await _four(letters)
    await letters.act(9, replay(3, kind=kind))
    async with letters.store.transaction() as transaction:
        assert await transaction.lock([2, 3]) == {2: _OPEN, 3: state}


async def test_letters_that_are_not_there_are_left_out(letters: Letters) -> None:
    await _four(letters)
    async with letters.store.transaction() as transaction:
        assert await transaction.lock([1, 77]) == {1: _OPEN}


async def test_what_is_not_committed_has_not_happened(letters: Letters) -> None:
    await _four(letters)

    async def fail(transaction_ends: bool) -> None:
        async with letters.store.transaction() as transaction:
            await transaction.lock([1])
            await transaction.load([], [task_id()], [task_id()])
            letters.store.serialise(Changes(at(9), {}))
            if not transaction_ends:
                raise StoreConflict("another")

    await fail(transaction_ends=True)
    with pytest.raises(StoreConflict):
        await fail(transaction_ends=False)
    # Nobody is kept waiting either.
    await letters.act(9, replay(1))
    assert await letters.ids() == [2, 3, 4]


async def test_actions_and_effects_are_one(letters: Letters) -> None:
    await _four(letters)
    changes = Changes(at(9), {})
    changes.letter_actions = [replay(1)]
    changes.dead.append((_request(9), Reject(Reason.TOO_DEEP, "d")))
    async with letters.store.transaction() as transaction:
        await transaction.lock([1])
        await transaction.load([], [], [])
        await transaction.commit(letters.store.serialise(changes))

    assert await letters.ids() == [2, 3, 4, 5]
