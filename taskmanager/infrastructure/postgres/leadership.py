"""Leadership by a session's advisory lock, fenced by an epoch."""

from taskmanager.application.leadership import Term
from taskmanager.infrastructure.postgres.session import Session

_LEASE_SECONDS = 3.0


class PostgresLeadership:
    """Implements `Leadership` of what `name` stands for, such as relay, on a session that is used for nothing else.

    The lock lives as long as the session, and the server ends a session that was idle for `lease` seconds.
    """

    def __init__(self, session: Session, name: str, *, lease: float = _LEASE_SECONDS) -> None:
        self._session = session
        self._name = name
        self._lease = lease

    async def try_acquire(self) -> Term | None:
        """See `Leadership.try_acquire`."""
        raise NotImplementedError

    async def confirm(self) -> None:
        """See `Leadership.confirm`."""
        raise NotImplementedError

    async def move(self, position: int) -> None:
        """See `Leadership.move`."""
        raise NotImplementedError

    async def resign(self) -> None:
        """See `Leadership.resign`."""
        raise NotImplementedError
