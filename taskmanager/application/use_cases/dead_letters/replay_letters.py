"""Gives the message of a dead letter its effect after all, in one transaction with the letter's own change of state."""

from collections.abc import AsyncIterator, Collection, Sequence
from typing import NamedTuple

import msgspec

from taskmanager.application.changes import Changes, Outcome
from taskmanager.application.commands import Command, CreateTask, InboundMessage, Reject, ReportStatus, Skip
from taskmanager.application.dead_letter_model import DeadLetter, LetterFilter, LetterState
from taskmanager.application.dead_letter_ports import DeadLetterReader, Decode, LetterStore
from taskmanager.application.dead_letters import DeadLetterReason
from taskmanager.application.decide import Decision
from taskmanager.application.ports import Clock, RowRefused, Snapshot
from taskmanager.application.use_cases.dead_letters.conflicts import until_no_conflict
from taskmanager.application.use_cases.dead_letters.message_edit import AS_IT_WAS, MessageEdit
from taskmanager.application.use_cases.dead_letters.replay_result import ReplayResult
from taskmanager.application.use_cases.dead_letters.walk import STRETCH, open_letters

_BYTES_MAX = 8 << 20
_OPEN = frozenset({LetterState.OPEN})
# Who names a letter may have changed their mind about it.
_NOT_REPLAYED = frozenset({LetterState.OPEN, LetterState.DISCARDED})
_NO_TASK = Reject(DeadLetterReason.UNKNOWN_TASK, "there is no task of this id; replay or send its request first")


class _Order(NamedTuple):
    """What an operator asked for."""

    operator: str
    edit: MessageEdit
    eligible: Collection[LetterState]
    dry_run: bool


class _Attempt(NamedTuple):
    letter: DeadLetter
    edited: InboundMessage | None
    command: Command


class ReplayLetters:
    """Decodes, decides and writes as the consumers do, once per letter, whoever else is at it at the same time.

    What is written names no position in Kafka: the offset of the message was counted when it became a letter. A message
    that is still wrong stays a letter, and so does a report whose task is not there.
    """

    def __init__(self, reader: DeadLetterReader, store: LetterStore, decode: Decode, clock: Clock) -> None:
        self._reader = reader
        self._store = store
        self._decode = decode
        self._clock = clock

    async def by_id(
        self, letter_ids: Sequence[int], operator: str, edit: MessageEdit = AS_IT_WAS, *, dry_run: bool = False
    ) -> list[ReplayResult]:
        """What these letters came to, in the order of their ids; letters that are not there are left out.

        With `dry_run` nothing is written: it tells what they would come to now, but for what the database refuses.
        May raise a `StoreError`, and then the letters of the batch in hand are as they were (of more than 500, or more
        than 8 MiB, earlier ones may be done).
        """
        order = _Order(operator, edit, _NOT_REPLAYED, dry_run)
        results: list[ReplayResult] = []
        async for batch in self._batches(letter_ids):
            results += await self._replay(batch, order)
        return results

    async def matching(
        self,
        wanted: LetterFilter,
        operator: str,
        edit: MessageEdit = AS_IT_WAS,
        *,
        up_to: int,
        after: int = 0,
        limit: int | None = None,
        dry_run: bool = False,
    ) -> AsyncIterator[list[ReplayResult]]:
        """Replays open letters that match, of ids above `after` and not above `up_to`.

        Tells after each transaction what they came to.
        May raise a `StoreError`: what was told before is done, and another run goes on with what is still open.
        """
        order = _Order(operator, edit, _OPEN, dry_run)
        async for letter_ids in open_letters(self._reader, wanted, up_to=up_to, limit=limit, after=after):
            async for batch in self._batches(letter_ids):
                yield await self._replay(batch, order)

    async def _batches(self, letter_ids: Sequence[int]) -> AsyncIterator[Sequence[DeadLetter]]:
        left = sorted(set(letter_ids))
        while batch := await self._reader.load(left[:STRETCH], _BYTES_MAX):
            yield batch
            left = [letter_id for letter_id in left if letter_id > batch[-1].summary.id]

    async def _replay(self, letters: Sequence[DeadLetter], order: _Order) -> list[ReplayResult]:
        return await self._write_or_bisect([self._attempt(letter, order) for letter in letters], order)

    def _attempt(self, letter: DeadLetter, order: _Order) -> _Attempt:
        message = order.edit.apply(letter.message)
        command = self._decode(message, letter.topic_id)
        if isinstance(command, CreateTask | ReportStatus):
            actor = f"dlq:{letter.summary.id}/{order.operator}"
            command = msgspec.structs.replace(command, source=None, actor=actor)
        return _Attempt(letter, None if message is letter.message else message, command)

    async def _write_or_bisect(self, attempts: Sequence[_Attempt], order: _Order) -> list[ReplayResult]:
        try:
            return await until_no_conflict(lambda: self._write(attempts, order))
        except RowRefused as refusal:
            if len(attempts) > 1:
                middle = len(attempts) // 2
                first = await self._write_or_bisect(attempts[:middle], order)
                return first + await self._write_or_bisect(attempts[middle:], order)
            reject = Reject(DeadLetterReason.REFUSED_BY_DATABASE, str(refusal))
            refused = [attempts[0]._replace(command=reject)]
        return await until_no_conflict(lambda: self._write(refused, order))

    async def _write(self, attempts: Sequence[_Attempt], order: _Order) -> list[ReplayResult]:
        async with self._store.transaction() as transaction:
            states = await transaction.lock([attempt.letter.summary.id for attempt in attempts])
            live = [attempt for attempt in attempts if states.get(attempt.letter.summary.id) in order.eligible]
            commands = [attempt.command for attempt in live if isinstance(attempt.command, CreateTask | ReportStatus)]
            task_ids = sorted({command.id for command in commands})
            snapshot = await transaction.load([], task_ids, task_ids) if task_ids else Snapshot({}, {})
            changes = Changes(self._clock.now(), {})
            results = _results(live, commands, snapshot, changes)
            changes.letter_actions = [
                results[letter.summary.id].action(order.operator, edited) for letter, edited, _ in live
            ]
            if live and not order.dry_run:
                await transaction.commit(self._store.serialise(changes))
        return [
            results.get(letter_id) or ReplayResult(letter_id, state=states[letter_id])
            for attempt in attempts
            if (letter_id := attempt.letter.summary.id) in states
        ]


def _results(
    live: Sequence[_Attempt], commands: Sequence[CreateTask | ReportStatus], snapshot: Snapshot, changes: Changes
) -> dict[int, ReplayResult]:
    """Decides, and says for each letter what it came to."""
    outcomes = dict(zip(map(id, commands), Decision(snapshot, changes).decide_again(commands), strict=True))
    refusals = {id(command): str(refusal) for command, refusal in changes.refused}
    results = {}
    for letter, _, command in live:
        number = letter.summary.id
        if isinstance(command, Skip):
            results[number] = ReplayResult(number, Outcome.SKIPPED)
        elif isinstance(command, Reject):
            results[number] = ReplayResult.still_dead(letter, command)
        elif (outcome := outcomes[id(command)]) is None:
            results[number] = ReplayResult.still_dead(letter, _NO_TASK)
        else:
            results[number] = ReplayResult(number, outcome, detail=refusals.get(id(command)), task_id=command.id)
    return results
