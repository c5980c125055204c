"""Remembers what was seen lately, in bounded space."""

from collections import OrderedDict
from collections.abc import Hashable

REMEMBERED = 100_000


class Recent:
    """The last so many different things that were added."""

    def __init__(self, limit: int = REMEMBERED) -> None:
        self._limit = limit
        self._things: OrderedDict[Hashable, None] = OrderedDict()

    def add(self, thing: Hashable) -> bool:
        """Remembers it and returns whether it is new; the oldest one is forgotten where there are too many."""
        if thing in self._things:
            return False
        self._things[thing] = None
        if len(self._things) > self._limit:
            self._things.popitem(last=False)
        return True

    def __contains__(self, thing: Hashable) -> bool:
        return thing in self._things
