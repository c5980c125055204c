"""The write path of callers who wait: one round trip for what is new, else one to look and one to write."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

import msgspec

from taskmanager.application.changes import Changes
from taskmanager.application.use_cases.writing.ports import Found, KeptAnswer
from taskmanager.application.use_cases.writing.unit import Claim, IdempotencyKey, StoredAnswer
from taskmanager.infrastructure.postgres.loop_session import LoopSession
from taskmanager.infrastructure.postgres.new_tasks import write_new_tasks
from taskmanager.infrastructure.postgres.serialising import SerialisedChanges, Statement
from taskmanager.infrastructure.postgres.session import Row, Session
from taskmanager.infrastructure.postgres.statements import load_statements
from taskmanager.infrastructure.postgres.task_store import PostgresWriteTransaction

_encode = msgspec.json.Encoder().encode


class _Response(msgspec.Struct):
    """How an answer is stored: its JSON stands in the row's, byte by byte."""

    status: int
    headers: dict[str, str]
    body: msgspec.Raw


_decode_response = msgspec.json.Decoder(_Response).decode


class PostgresIntentStore:
    """Implements `IntentStore`; `slot` names this writer among all that count, such as 0-api-00.

    What is one round trip takes the session `quick`.

    Once `stopping()` holds it waits no longer for a server that is away to tell whether a transaction was committed.
    """

    def __init__(
        self, session: Session, quick: LoopSession, slot: str, *, stopping: Callable[[], bool] = lambda: False
    ) -> None:
        self._session = session
        self._quick = quick
        self._slot = slot
        self._stopping = stopping
        self._statements = load_statements("ingest")
        self._key_statements = load_statements("idempotency")

    def serialise(self, changes: Changes, answers: Sequence[KeptAnswer]) -> SerialisedChanges:
        """See `IntentStore.serialise`."""
        # The keys first, so that whoever is second waits with nothing written.
        keys = self._keep_answers(answers, changes.now) if answers else None
        return SerialisedChanges(changes, self._slot, self._statements, keys)

    async def write_new(self, serialised: SerialisedChanges) -> None:
        """See `IntentStore.write_new`."""
        await write_new_tasks(self._session, self._quick, serialised, self._stopping)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator["PostgresIntentTransaction"]:
        """See `IntentStore.transaction`."""
        transaction = PostgresIntentTransaction(self._session, self._statements, self._key_statements, self._stopping)
        try:
            yield transaction
        finally:
            if not transaction.is_committed:
                await self._session.rollback()

    def _keep_answers(self, answers: Sequence[KeptAnswer], now: datetime) -> Statement:
        rows = [
            {
                **kept.claim.name._asdict(),
                "digest": kept.claim.digest,
                "response": _response(kept.answer),
                "expires_at": kept.expires_at,
            }
            for kept in sorted(answers, key=_name)
        ]
        return self._key_statements["keep_answers"], {"answers": _encode(rows).decode(), "now": now}

    async def make_room(self) -> int:
        """See `EventLog.make_room`."""
        ((made,),) = await self._session.execute(self._statements["make_room"])
        return int(made)


class PostgresIntentTransaction(PostgresWriteTransaction):
    """Implements `IntentTransaction`."""

    questions_max = 8  # within ten seconds, unless the server hangs: callers wait, and more of them behind
    is_committed = False

    def __init__(
        self,
        session: Session,
        statements: Mapping[str, str],
        key_statements: Mapping[str, str],
        stopping: Callable[[], bool],
    ) -> None:
        super().__init__(session, statements, stopping)
        self._key_statements = key_statements

    async def look(self, task_ids: Sequence[str], keys: Sequence[IdempotencyKey], now: datetime) -> Found:
        """See `IntentTransaction.look`."""
        kept = await self._kept(keys, now) if keys else {}
        snapshot = await self.load([], task_ids, [])
        return Found(snapshot.tasks, kept)

    async def commit(self, serialised: SerialisedChanges) -> None:
        """See `IntentTransaction.commit`."""
        await super().commit(serialised)
        self.is_committed = True

    async def _kept(self, keys: Sequence[IdempotencyKey], now: datetime) -> dict[IdempotencyKey, KeptAnswer]:
        names = _encode([key._asdict() for key in keys]).decode()
        rows = await self._session.execute(
            f"{self._begin}{self._key_statements['kept_answers']}", {"keys": names, "now": now}
        )
        self._begin = ""
        return {kept.claim.name: kept for kept in map(_kept_answer, rows)}


def _name(kept: KeptAnswer) -> IdempotencyKey:
    return kept.claim.name


def _response(answer: StoredAnswer) -> _Response:
    return _Response(answer.status, dict(answer.headers), msgspec.Raw(answer.body or b"null"))


def _kept_answer(row: Row) -> KeptAnswer:
    principal, key, digest, response, expires_at = row
    kept = _decode_response(response)
    body = bytes(kept.body)
    answer = StoredAnswer(kept.status, kept.headers, b"" if body == b"null" else body)
    return KeptAnswer(Claim(IdempotencyKey(principal, key), digest), answer, expires_at)
