"""Server-sent events, as browsers read them (the HTML standard, section 9.2)."""

import msgspec

from taskmanager.application.feed.model import FeedEvent

CONTENT_TYPE = "text/event-stream"

_encode = msgspec.json.Encoder().encode


def frame(event: FeedEvent) -> bytes:
    """The event: its sequence as the id to resume from, its type as the name, and its JSON."""
    body = _encode(event)
    if b"\n" in body or b"\r" in body:  # data that were written by hand may be spread over lines
        body = b"\ndata: ".join(body.splitlines())
    return b"id: %d\nevent: %b\ndata: %b\n\n" % (event.sequence, event.type.encode(), body)


def opening(position: int, retry_seconds: float) -> bytes:
    """The first words: how long to wait before coming again, and where to go on then although nothing came yet."""
    return b": listening\nretry: %d\nid: %d\n\n" % (round(retry_seconds * 1000), position)


def silence(position: int) -> bytes:
    """A sign of life, which is no event, and how far the stream has come without one."""
    return b": nothing yet\nid: %d\n\n" % position


def wants_stream(accept: str) -> bool:
    """Whether an Accept header asks for a stream by name."""
    return any(each.partition(";")[0].strip().lower() == CONTENT_TYPE for each in accept.split(","))
