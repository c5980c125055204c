"""What a leader does beside its work: it shows that it lives, and stores how far it has come."""

import asyncio

from taskmanager.application.leadership import Leadership, Term
from taskmanager.application.waiting import is_set_within

_SECONDS_BETWEEN = 0.5
_SECONDS_BETWEEN_MOVES = 0.05


class Office:
    """One term of one leader."""

    def __init__(
        self,
        leadership: Leadership,
        term: Term,
        *,
        seconds_between: float = _SECONDS_BETWEEN,
    ) -> None:
        self._leadership = leadership
        self._term = term
        self._stored = self._reached = term.position
        self._seconds_between = seconds_between
        self._over = asyncio.Event()
        self._news = asyncio.Event()

    @property
    def term(self) -> Term:
        """The leader's term."""
        return self._term

    @property
    def position(self) -> int:
        """What has been reached."""
        return self._reached

    def reached(self, position: int) -> None:
        """Everything up to this position is done; it is stored soon, never a smaller one."""
        if position > self._reached:
            self._reached = position
            self._news.set()

    def leave(self) -> None:
        """Lets `hold` end once the position is stored."""
        self._over.set()
        self._news.set()

    async def hold(self) -> None:
        """Holds the office until `leave`; raises `LeadershipLost` or a `StoreError` as soon as that is over."""
        while True:
            await is_set_within(self._news, self._seconds_between)
            self._news.clear()
            if self._reached > self._stored:
                position = self._reached
                await self._leadership.move(position)
                self._stored = position
                # What is not stored yet would be done again after a failover: it may be a little, and is seldom wanted.
                await is_set_within(self._over, _SECONDS_BETWEEN_MOVES)
            elif self._over.is_set():
                return
            else:
                await self._leadership.confirm()
            if self._over.is_set():
                self._news.set()
