"""Walks through answers that come by pages, one page in memory at a time."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Protocol, TypeVar

from taskmanager.client.calls import Calls
from taskmanager.client.models import Event, EventPage

_Item = TypeVar("_Item", covariant=True)


class Page(Protocol[_Item]):
    """A page that names the next."""

    @property
    def items(self) -> Sequence[_Item]:
        """What is on it, be it nothing."""

    @property
    def next_cursor(self) -> str | None:
        """Where the next one is, None if it is the last."""


async def items(calls: Calls, path: str, form: type[Page[_Item]], query: Mapping[str, object]) -> AsyncIterator[_Item]:
    """Everything on all pages; one without items may lead on."""
    cursor: str | None = None
    while True:
        page = await calls.read(path, form, {**query, "cursor": cursor})
        for item in page.items:
            yield item
        cursor = page.next_cursor
        if cursor is None:
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
