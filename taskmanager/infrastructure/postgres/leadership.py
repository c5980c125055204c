"""Leadership by a session's advisory lock, fenced by an epoch."""

import asyncio
from contextlib import suppress
from typing import NoReturn

from taskmanager.application.leadership import LeadershipLost, Term
from taskmanager.application.ports import StoreError
from taskmanager.infrastructure.postgres.session import Row, Script, Session
from taskmanager.infrastructure.postgres.statements import load_statements

_LEASE_SECONDS = 3.0


class PostgresLeadership:
    """Implements `Leadership` of what `name` stands for, such as relay, on a session that is used for nothing else.

    The lock lives as long as the session, and the server ends a session that was idle for `lease` seconds.
    """

    def __init__(self, session: Session, name: str, *, lease: float = _LEASE_SECONDS) -> None:
        self._session = session
        self._name = name
        self._lease_ms = round(lease * 1000)
        self._statements = load_statements("leadership")
        self._turn = asyncio.Lock()  # a session takes one call at a time
        self._term: Term | None = None
        self._backend: int | None = None

    async def try_acquire(self) -> Term | None:
        """See `Leadership.try_acquire`."""
        async with self._turn:
            self._term = None
            row = await self._session.run(self._acquire)
            if row is not None:
                epoch, position, self._backend = row
                self._term = Term(epoch, position)
            return self._term

    async def confirm(self) -> None:
        """See `Leadership.confirm`."""
        async with self._turn:
            ((holds,),) = await self._in_office("confirm")
            if not holds:
                self._lose("the session that held the lock is gone")

    async def move(self, position: int) -> None:
        """See `Leadership.move`."""
        async with self._turn:
            term = self._current()
            if position < term.position:
                raise ValueError(f"a position never goes back from {term.position} to {position}")
            if not await self._in_office("move", position=position):
                self._lose("another term has begun")
            self._term = term._replace(position=position)

    async def resign(self) -> None:
        """See `Leadership.resign`."""
        async with self._turn:
            self._term = None
            if self._session.is_open:
                with suppress(StoreError):
                    await self._session.execute(self._statements["release"])

    def _acquire(self, script: Script) -> Row | None:
        ((has_lock,),) = script.execute(self._statements["lock"], {"name": self._name})
        if not has_lock:
            return None
        # Before anything else, because a candidate may freeze here, too.
        script.execute(self._statements["bind_to_lease"], {"lease_ms": self._lease_ms})
        (row,) = script.execute(self._statements["begin_term"], {"name": self._name})
        script.execute(self._statements["hasten_moves"])
        return row

    async def _in_office(self, statement: str, **parameters: object) -> list[Row]:
        """Runs a statement on the session of this term, and on no other."""
        identity = {"name": self._name, "epoch": self._current().epoch, "backend": self._backend}
        if not self._session.is_open:
            self._lose("the session that held the lock was closed")
        try:
            return await self._session.execute(self._statements[statement], identity | parameters)
        except StoreError as error:
            if not self._session.is_open:
                self._lose(str(error))
            raise

    def _current(self) -> Term:
        if self._term is None:
            raise LeadershipLost("no term has begun, or it has ended")
        return self._term

    def _lose(self, reason: str) -> NoReturn:
        self._term = None
        raise LeadershipLost(reason)
