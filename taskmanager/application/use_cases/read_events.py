"""Reads the event log page by page, so that who goes on from page to page misses nothing."""

from taskmanager.application.feed.log_end import refuse_beyond, settled_end
from taskmanager.application.feed.model import EventFilter, FeedPage
from taskmanager.application.feed.ports import FeedStore

_PATIENCE_SECONDS = 0.25
# A page that finds few of what it looks for ends all the same, and tells where to go on.
_WALK = 2000


class ReadEvents:
    """Answers pages of the part of the log that is complete."""

    def __init__(self, store: FeedStore, *, patience: float = _PATIENCE_SECONDS, walk: int = _WALK) -> None:
        self._store = store
        self._patience = patience
        self._walk = walk

    async def __call__(self, wanted: EventFilter, after: int, limit: int) -> FeedPage:
        """The first wanted events behind number `after`; raises `BeyondEnd` or a `StoreError`.

        An event whose number is lower than one that is visible may yet appear: a page ends before it, unless those who
        could write it are done within the patience (seconds).
        """
        walk = limit if wanted == EventFilter() else self._walk
        run = await self._store.run(after, walk)
        upto = run.end
        # The events of one task are found by their index, however far from `after` they are.
        if run.is_broken or wanted.task_id is not None:
            end = await settled_end(self._store, self._patience)
            upto = max(upto, end or 0)
        if upto == after:
            await refuse_beyond(self._store, after)
            return FeedPage((), after)
        return await self._store.page(wanted, after, upto, limit=limit, walk=walk)
