"""One leader at a time for work that must not be done twice at once."""

from typing import NamedTuple, Protocol


class Term(NamedTuple):
    """A leader's time in office: its epoch, and the stored position to go on from."""

    epoch: int
    position: int


class LeadershipLost(Exception):  # noqa: N818
    """Somebody else leads, or may: stop at once, and campaign again."""


class Leadership(Protocol):
    """A candidate. A leader that is frozen or cut off loses its office within seconds; calls may overlap."""

    async def try_acquire(self) -> Term | None:
        """Begins a term with a new epoch; None while another leads. Raises a `StoreError`."""

    async def confirm(self) -> None:
        """Shows that this leader lives and still leads; to be called about once a second.

        Raises `LeadershipLost`, or a `StoreError` where the store would not answer and the office is still held.
        """

    async def move(self, position: int) -> None:
        """Stores the position, never back, unless another term has begun; shows life and raises as `confirm` does.

        Not waited for until it is durable: after a crash of the server the last moves may be lost.
        """

    async def resign(self) -> None:
        """Gives the office back if it is held; never fails, and again does nothing."""
