"""How far the log is complete."""

import asyncio

from taskmanager.application.event_log import AdaptivePause
from taskmanager.application.feed.ports import FeedStore
from taskmanager.domain.errors import InvalidValue

_PAUSE_SECONDS = 0.05


class BeyondEnd(InvalidValue):
    """Somebody wants to go on behind an event that there never was: the log is not the one that they have read."""

    def __init__(self) -> None:
        super().__init__(
            "after", "is behind the end of the log, which has been made anew since; begin again, without it"
        )


async def refuse_beyond(store: FeedStore, after: int) -> None:
    """Raises `BeyondEnd` for a number that no event has been given yet, and may raise a `StoreError`."""
    if after > await store.drawn():
        raise BeyondEnd


async def settled_end(store: FeedStore, patience: float) -> int | None:
    """The number up to which the log will never change, not below what is visible now; raises a `StoreError`.

    Waits for those who write at this moment, and for nobody who comes later (`HighWaterReader` tells why that is
    enough); None if one of them is not done within `patience` seconds.
    """
    last = await store.last()
    suspects = await store.writers()
    now, pause = asyncio.get_running_loop().time, AdaptivePause(idle=_PAUSE_SECONDS)
    began = now()
    while suspects:
        if now() - began >= patience:
            return None
        await asyncio.sleep(pause.after(found=False))
        holders = await store.writers()
        # A suspect has another name once it is prepared and the server was restarted.
        suspects = suspects & holders | {writer for writer in holders if writer.is_prepared}
    return last
