"""An office that candidates share in memory."""

from dataclasses import dataclass, field

from taskmanager.application.leadership import LeadershipLost, Term


@dataclass
class SharedOffice:
    """What the store holds: who leads, since which epoch, and the position."""

    epoch: int = 0
    position: int = 0
    holder: "InMemoryLeadership | None" = None
    journal: list[str] = field(default_factory=list)


class InMemoryLeadership:
    """Implements `Leadership`; `failure` is raised by every call while it is set, `journal` tells what was called."""

    def __init__(self, office: SharedOffice) -> None:
        self.office = office
        self.failure: Exception | None = None
        self.confirmed = 0
        self._epoch = 0

    async def try_acquire(self) -> Term | None:
        """See `Leadership.try_acquire`."""
        self._check()
        if self.office.holder is not None:
            return None
        self.office.holder = self
        self.office.epoch += 1
        self._epoch = self.office.epoch
        self.office.journal.append("acquired")
        return Term(self.office.epoch, self.office.position)

    async def confirm(self) -> None:
        """See `Leadership.confirm`."""
        self._check()
        self._check_office()
        self.confirmed += 1

    async def move(self, position: int) -> None:
        """See `Leadership.move`."""
        self._check()
        self._check_office()
        assert position >= self.office.position
        self.office.position = position

    async def resign(self) -> None:
        """See `Leadership.resign`."""
        if self.office.holder is self:
            self.office.holder = None
            self.office.journal.append("resigned")

    def lose(self) -> None:
        """The store takes the office away."""
        self.office.holder = None

    def _check(self) -> None:
        if self.failure is not None:
            raise self.failure

    def _check_office(self) -> None:
        if self.office.holder is not self or self.office.epoch != self._epoch:
            raise LeadershipLost("another term has begun")
