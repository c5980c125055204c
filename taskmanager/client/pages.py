"""Walks through answers that come by pages, one page in memory at a time."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Protocol, TypeVar

from taskmanager.client.calls import Calls
from taskmanager.client.models import Event, EventPage

_Item = TypeVar("_Item", covariant=True)


class Page(Protocol[_Item]):
    """A page of a list."""

    @property
    def items(self) -> Sequence[_Item]:
        """What is on it, be it nothing."""


async def items(
    calls: Calls, path: str, form: type[Page[_Item]], query: Mapping[str, object], member: str, parameter: str
) -> AsyncIterator[_Item]:
    """Everything on all pages, also behind one without items; a page's `member` is the `parameter` that leads on."""
    position: object = None
    while True:
        page = await calls.read(path, form, {**query, parameter: position})
        for item in page.items:
            yield item
        position = getattr(page, member)
        if position is None:
            return


async def pages_of_events(
    calls: Calls, form: type[EventPage], query: Mapping[str, object], after: int
) -> AsyncIterator[Event]:
    """Everything behind a sequence, until a page leads nowhere."""
    while True:
        page = await calls.read("/events", form, {**query, "after": after})
        for event in page.events:
            yield event
        if page.next <= after:
            return
        after = page.next
