"""The file format of the player: one message, or just a request body, a line."""

import base64
import binascii
import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

from taskmanager.programs.demo.json_object import MalformedObjectError, split_object
from taskmanager.programs.demo.messages import ID_HEADERS, Message, Role

LINE_MAX = 16 * 1024 * 1024
_MEMBERS = frozenset({"headers", "key", "value", "valueBase64", "topic"})
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"

Headers = tuple[tuple[str, bytes | None], ...]


class PlayFileError(Exception):
    """A line that cannot be played; names the file and the line."""


def read_messages(path: Path, topics: Mapping[str, Role]) -> Iterator[Message]:
    """The messages of a file, line by line; blank lines are passed over.

    `topics` are the names that a line's `topic` may have. Raises `PlayFileError` at the first line that is none.
    """
    with path.open("rb") as file:
        for number, line in _lines(path, file):
            origin = f"{path.name} line {number}"
            try:
                yield parse_line(line, topics, origin)
            except ValueError as mistake:
                raise PlayFileError(f"{path}, line {number}: {mistake}") from None


def check_file(path: Path, topics: Mapping[str, Role]) -> int:
    """Reads a file to its end without keeping it and returns how many messages it holds; raises `PlayFileError`."""
    return sum(1 for _ in read_messages(path, topics))


def parse_line(line: bytes, topics: Mapping[str, Role], origin: str) -> Message:
    """The message of one line; raises `ValueError` that says what is wrong with it.

    The bytes of a value, or of a bare body, are sent as they stand.
    """
    try:
        members = split_object(line)
    except MalformedObjectError as mistake:
        raise ValueError(f"not a JSON object: {mistake}") from None
    if members.keys().isdisjoint(_MEMBERS):
        return Message(Role.REQUESTS, None, line.strip(), (), origin)
    unknown = sorted(members.keys() - _MEMBERS)
    if unknown:
        raise ValueError(
            f"unknown member {unknown[0]!r}; a message has headers, key, value or valueBase64, and topic "
            "(a line without any of them is taken as a request body)"
        )
    headers = _headers(members.get("headers"))
    return Message(_role(members.get("topic"), topics), _key(members, headers), _value(members), headers, origin)


def _lines(path: Path, file: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    number = 0
    while line := file.readline(LINE_MAX + 1):
        number += 1
        if len(line) > LINE_MAX:
            raise PlayFileError(f"{path}, line {number}: longer than {LINE_MAX // 2**20} MiB, which no topic takes")
        if number == 1:
            line = line.removeprefix(_BYTE_ORDER_MARK)
        if line.strip():
            yield number, line


def _role(raw: bytes | None, topics: Mapping[str, Role]) -> Role:
    if raw is None:
        return Role.REQUESTS
    name = _decode("topic", raw)
    if not isinstance(name, str) or name not in topics:
        raise ValueError(f"topic {raw.decode('utf-8', 'replace')} is none of {', '.join(topics)}")
    return topics[name]


def _key(members: Mapping[str, bytes], headers: Headers) -> bytes | None:
    """The key as given; where a line has none, the id in its headers, as a gateway would key it."""
    if "key" not in members:
        return next((value for name, value in headers if name in ID_HEADERS), None)
    key = _decode("key", members["key"])
    if key is None:
        return None
    if not isinstance(key, str):
        raise ValueError("key must be a string or null")
    return _utf8("key", key)


def _value(members: Mapping[str, bytes]) -> bytes | None:
    if "valueBase64" not in members:
        value = members.get("value", b"null")
        return None if value == b"null" else value
    if "value" in members:
        raise ValueError("value and valueBase64 exclude each other")
    text = _decode("valueBase64", members["valueBase64"])
    if not isinstance(text, str):
        raise ValueError("valueBase64 must be a string")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("valueBase64 is not valid base64") from None


def _headers(raw: bytes | None) -> Headers:
    if raw is None:
        return ()
    given = _decode("headers", raw)
    if given is None:
        return ()
    pairs = list(given.items()) if isinstance(given, dict) else given
    if not isinstance(pairs, list):
        raise ValueError("headers must be an object, or a list of [name, value]")
    return tuple(_header(pair) for pair in pairs)


def _header(pair: object) -> tuple[str, bytes | None]:
    match pair:
        case [str(name), None]:
            value = None
        case [str(name), str(text)]:
            value = _utf8(f"header {name!r}", text)
        case [str(name), _]:
            raise ValueError(f"header {name!r} must be a string or null")
        case _:
            raise ValueError("headers must be an object, or a list of [name, value]")
    if not name or "\0" in name:
        raise ValueError("a header's name must not be empty or hold NUL")
    _utf8("a header's name", name)
    return name, value


def _decode(name: str, raw: bytes) -> object:
    try:
        return json.loads(raw)
    except UnicodeDecodeError:
        raise ValueError(f"{name} is not UTF-8") from None
    except RecursionError:
        raise ValueError(f"{name} is nested too deeply") from None


def _utf8(name: str, text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{name} holds a lone surrogate, which is not UTF-8") from None


@contextmanager
def regular_file(name: str | None) -> Iterator[Path | None]:
    """A file that can be read twice: the one named, or a copy of what a pipe or standard input (`-`) holds."""
    if name is None:
        yield None
        return
    path = Path("/dev/stdin" if name == "-" else name)
    if path.is_file() or not path.exists() or path.is_dir():
        yield path
        return
    with TemporaryDirectory(prefix="taskmanager-") as directory:
        copy = Path(directory) / path.name
        with path.open("rb") as source, copy.open("wb") as target:
            shutil.copyfileobj(source, target)
        yield copy
