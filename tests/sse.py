"""Reads server-sent events as browsers do (the HTML standard, section 9.2)."""

from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import orjson
from aiohttp import ClientResponse, StreamReader


class Told(NamedTuple):
    """An event of a stream."""

    id: int
    name: str
    data: dict[str, Any]


class EventStreamReader:
    """Takes a stream apart; `last_id` is what a browser would come back with."""

    def __init__(self, content: StreamReader | ClientResponse) -> None:
        self._content = content.content if isinstance(content, ClientResponse) else content
        self.last_id: int | None = None
        self.retry: int | None = None
        self.comments: list[str] = []

    async def __aiter__(self) -> AsyncIterator[Told]:
        """The events until the stream ends; raises what aiohttp raises where it is cut off."""
        async for told in self.blocks():
            if told is not None:
                yield told

    async def blocks(self) -> AsyncIterator[Told | None]:
        """The same, and None for each block of lines that is no event."""
        name, data = "message", list[str]()
        async for line in self._content:
            text = line.decode().removesuffix("\n")
            if not text:
                assert self.last_id is not None
                yield Told(self.last_id, name, orjson.loads("\n".join(data))) if data else None
                name, data = "message", []
                continue
            field, _, value = text.partition(":")
            value = value.removeprefix(" ")
            if field == "":
                self.comments.append(value)
            elif field == "id":
                self.last_id = int(value)
            elif field == "event":
                name = value
            elif field == "data":
                data.append(value)
            else:
                assert field == "retry"
                self.retry = int(value)

    async def take(self, count: int) -> list[Told]:
        """The next so many events."""
        taken: list[Told] = []
        async for told in self:
            taken.append(told)
            if len(taken) == count:
                break
        return taken
