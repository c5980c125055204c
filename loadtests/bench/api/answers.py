"""Answers of HTTP/1.1 in the bytes that have come so far; only what the servers under measurement send."""

from typing import NamedTuple

_HEAD_END = b"\r\n\r\n"
_LENGTH = b"\r\ncontent-length:"


class Answer(NamedTuple):
    """Where an answer lies in the bytes: `data[body:end]` is its body."""

    status: int
    body: int
    end: int


def first_answer(data: bytes) -> Answer | None:
    """The answer that the bytes begin with, None while some of it is missing.

    Raises `ValueError` for what is no answer of HTTP/1.1 with a Content-Length.
    """
    head_end = data.find(_HEAD_END)
    if head_end < 0:
        return None
    # Three servers, three spellings of the header.
    head = data[:head_end].lower()
    if not head.startswith(b"http/1.1 "):
        raise ValueError(f"no answer of HTTP/1.1: {data[:80]!r}")
    at = head.find(_LENGTH)
    if at < 0:
        raise ValueError(f"an answer without Content-Length: {data[:head_end]!r}")
    at += len(_LENGTH)
    line_end = head.find(b"\r\n", at)
    length = int(head[at : line_end if line_end >= 0 else None])
    body = head_end + len(_HEAD_END)
    return Answer(int(head[9:12]), body, body + length) if len(data) >= body + length else None
