"""How far the log is complete."""

import asyncio

from taskmanager.application.event_log import AdaptivePause
from taskmanager.application.feed.ports import FeedStore

_PAUSE_SECONDS = 0.05


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
