"""Writes several units in one transaction, none of which can spoil another."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import NamedTuple

import structlog

from taskmanager.application.changes import Changes
from taskmanager.application.commands import CreateTask
from taskmanager.application.decide_intents import IntentDecision
from taskmanager.application.intents import Decided, Declined, Done
from taskmanager.application.ports import (
    CONTENDED,
    GIVEN_UP,
    NO_ROOM,
    Clock,
    RowRefused,
    StoreConflict,
    StoreUnavailable,
)
from taskmanager.application.use_cases.writing.ports import Found, GroupObserver, IntentStore, KeptAnswer
from taskmanager.application.use_cases.writing.unit import (
    Answer,
    IdempotencyKey,
    KeyReused,
    NotAnswered,
    Unit,
    UnitRefused,
)

log = structlog.get_logger(__name__)

Outcome = Answer | Exception

_CONFLICTS_MAX = 20
# A connection that broke while nothing was to do fails the next call at once; one that fails late is no such thing.
_AT_ONCE = timedelta(seconds=1)
_BROKEN_KINDS = frozenset({"connection", "08", "57"})
_NOTHING_FOUND = Found({}, {})


class _Made(NamedTuple):
    """What a transaction is to write, and what each of its units is told once that is done."""

    changes: Changes
    kept: Sequence[KeptAnswer]
    outcomes: list[Outcome]


class WriteGroup:
    """Decides and commits a group; answers are kept beside idempotency keys for `keep_answers`."""

    def __init__(self, store: IntentStore, clock: Clock, observer: GroupObserver, *, keep_answers: timedelta) -> None:
        self._store = store
        self._clock = clock
        self._observer = observer
        self._keep_answers = keep_answers

    async def __call__(self, units: Sequence[Unit]) -> list[Outcome]:
        """What each unit comes to, in order, once that is durable: its answer, or why it had no effect.

        The latter is a `NotAnswered`, a `StoreUnavailable`, or a defect that concerns no other unit.
        """
        distinct, places = _folded(units)
        outcomes = await self._write(distinct)
        if len(distinct) == len(units):
            return outcomes
        return [
            outcomes[place] if unit is distinct[place] else _as_repeated(unit, distinct[place], outcomes[place])
            for unit, place in zip(units, places, strict=True)
        ]

    async def _write(self, units: Sequence[Unit], *, may_wait_again: bool = True) -> list[Outcome]:
        try:
            return await self._write_together(units)
        except StoreUnavailable as error:
            parts = _parted(units) if error.kind == GIVEN_UP and may_wait_again else []
            if len(parts) < 2:
                return [StoreUnavailable(str(error), error.kind) for _ in units]
            return await self._write_in(parts, units, may_wait_again=False)
        except RowRefused as refusal:
            failure: Exception = UnitRefused(str(refusal))
        except Exception as error:
            log.exception("unit_failed", units=len(units))
            failure = error
        if len(units) == 1:
            return [failure]
        # Whichever unit it comes from, the others have to go on.
        places = range(len(units))
        middle = len(units) // 2
        return await self._write_in([places[:middle], places[middle:]], units, may_wait_again=may_wait_again)

    async def _write_in(
        self, parts: Sequence[Sequence[int]], units: Sequence[Unit], *, may_wait_again: bool
    ) -> list[Outcome]:
        """Writes the units part by part, each of which is told as the places of its units."""
        outcomes: dict[int, Outcome] = {}
        for part in parts:
            written = await self._write([units[place] for place in part], may_wait_again=may_wait_again)
            outcomes.update(zip(part, written, strict=True))
        return [outcomes[place] for place in range(len(units))]

    async def _write_together(self, units: Sequence[Unit]) -> list[Outcome]:
        # What is new needs no look, until it turns out that it is not.
        conflicted, tried_again = False, False
        for _ in range(_CONFLICTS_MAX):
            began = self._clock.now()
            try:
                outcomes = await self._attempt(units, conflicted=conflicted)
            except StoreConflict:
                conflicted = True
            except StoreUnavailable as error:
                if tried_again or not await self._is_mended(error, self._clock.now() - began):
                    raise
                tried_again = True
            else:
                self._observer.committed(len(units), (self._clock.now() - began).total_seconds())
                return outcomes
        raise StoreUnavailable(f"gave up after {_CONFLICTS_MAX} conflicts with other writers", CONTENDED)

    async def _is_mended(self, error: StoreUnavailable, passed: timedelta) -> bool:
        """Whether another try may well succeed."""
        if error.kind == NO_ROOM:
            await self._store.make_room()
            return True
        return error.kind in _BROKEN_KINDS and passed < _AT_ONCE

    async def _attempt(self, units: Sequence[Unit], *, conflicted: bool) -> list[Outcome]:
        task_ids = sorted(_task_ids(units, with_new=conflicted))
        if not task_ids:
            made = self._decide(units, _NOTHING_FOUND)
            await self._store.write_new(self._store.serialise(made.changes, made.kept))
        else:
            keys = sorted(unit.claim.name for unit in units if unit.claim is not None)
            async with self._store.transaction() as transaction:
                made = self._decide(units, await transaction.look(task_ids, keys, self._clock.now()))
                await transaction.commit(self._store.serialise(made.changes, made.kept))
        for status, seconds in made.changes.durations.items():
            self._observer.settled(status, seconds)
        return made.outcomes

    def _decide(self, units: Sequence[Unit], found: Found) -> _Made:
        changes = Changes(self._clock.now(), {})
        decision = IntentDecision(found.tasks, changes)
        kept: list[KeptAnswer] = []
        outcomes: list[Outcome] = []
        for unit in units:
            claim = unit.claim
            earlier = found.kept.get(claim.name) if claim is not None else None
            if claim is not None and earlier is not None:
                is_same = earlier.claim.digest == claim.digest
                outcomes.append(Answer(earlier.answer, replayed=True) if is_same else _reused())
                continue
            decided = [decision.decide(intent) for intent in unit.intents]
            answer = unit.render(decided)
            if claim is not None and _had_effect(decided):
                kept.append(KeptAnswer(claim, answer, changes.now + self._keep_answers))
            outcomes.append(Answer(answer, replayed=False))
        return _Made(changes, kept, outcomes)


def _task_ids(units: Iterable[Unit], *, with_new: bool) -> set[str]:
    return {
        intent.command.id
        for unit in units
        for intent in unit.intents
        if with_new or type(intent.command) is not CreateTask
    }


def _parted(units: Sequence[Unit]) -> list[Sequence[int]]:
    """Where the units are that only create, and wait for nobody, and both halves of the others.

    Each part that meets the obstacle costs the server's limit of time once more, hence no more than these.
    """
    waiting = [place for place, unit in enumerate(units) if _task_ids([unit], with_new=False)]
    creating = sorted(set(range(len(units))).difference(waiting))
    middle = (len(waiting) + 1) // 2
    return [part for part in (creating, waiting[:middle], waiting[middle:]) if part]


def _folded(units: Sequence[Unit]) -> tuple[Sequence[Unit], Sequence[int]]:
    """The units without those whose idempotency key another one before them has, and where each one's leader is."""
    leaders: dict[IdempotencyKey, int] = {}
    distinct: list[Unit] = []
    places: list[int] = []
    for unit in units:
        place = len(distinct) if unit.claim is None else leaders.setdefault(unit.claim.name, len(distinct))
        if place == len(distinct):
            distinct.append(unit)
        places.append(place)
    return distinct, places


def _as_repeated(unit: Unit, leader: Unit, outcome: Outcome) -> Outcome:
    if unit.claim is None or leader.claim is None or unit.claim.digest != leader.claim.digest:
        return _reused()
    return Answer(outcome.answer, replayed=True) if isinstance(outcome, Answer) else outcome


def _had_effect(decided: Sequence[Decided]) -> bool:
    """A task that is missing today may be there when the request is sent again: that answer is not kept."""
    return any(isinstance(each, Done | Declined) for each in decided)


def _reused() -> NotAnswered:
    return KeyReused("this idempotency key belongs to another request; make a new key for each request")
