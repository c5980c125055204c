"""Takes a stream of server-sent events apart (the HTML standard, section 9.2.6)."""

from collections.abc import Iterator
from typing import NamedTuple

from taskmanager.client.errors import UnexpectedAnswer

_BLOCK_MAX_BYTES = 32 * 1024 * 1024


class Block(NamedTuple):
    """What stood between two blank lines; `data` is None where it was no event, `id` the last one that was named."""

    id: str
    data: str | None
    retry_seconds: float | None


class BlockParser:
    """Makes blocks of bytes as they come; one that the stream breaks off is never told."""

    def __init__(self, block_max_bytes: int = _BLOCK_MAX_BYTES) -> None:
        self._most = block_max_bytes
        self._rest = bytearray()
        self._searched = 0
        self._size = 0
        self._id = ""
        self._data: list[str] = []
        self._retry: float | None = None

    def feed(self, chunk: bytes) -> Iterator[Block]:
        """The blocks that end in this chunk; raises `UnexpectedAnswer` for one that has too many bytes."""
        self._rest += chunk
        begin = 0
        while (end := self._rest.find(b"\n", max(begin, self._searched))) >= 0:
            line = bytes(self._rest[begin:end]).removesuffix(b"\r")
            begin = end + 1
            self._searched = begin
            self._size += len(line)
            if line:
                self._take(line.decode("utf-8", "replace"))
            else:
                yield self._block()
            if self._size > self._most:
                break
        del self._rest[:begin]
        self._searched = len(self._rest)
        if self._size + len(self._rest) > self._most:
            raise UnexpectedAnswer(f"the stream holds an event of more than {self._most:,} bytes")

    def _take(self, line: str) -> None:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "id" and "\0" not in value:
            self._id = value
        elif name == "data":
            self._data.append(value)
        elif name == "retry" and value.isascii() and value.isdigit():
            self._retry = int(value[:9]) / 1000

    def _block(self) -> Block:
        block = Block(self._id, "\n".join(self._data) if self._data else None, self._retry)
        self._data, self._retry, self._size = [], None, 0
        return block
