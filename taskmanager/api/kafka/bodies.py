"""Reads a message body as strictly as the contract asks, at the price of a lenient parse where it can."""

import json
from typing import Any, NoReturn

import msgspec
import orjson

from taskmanager.application.dead_letters import DeadLetterReason
from taskmanager.domain.errors import DomainError

DEPTH_MAX = 64

Json = dict[str, Any]


class Malformed(DomainError):  # noqa: N818
    """A message that no command can be made of."""

    def __init__(self, reason: DeadLetterReason, detail: str) -> None:
        super().__init__(f"{reason.value}: {detail}")
        self.reason = reason
        self.detail = detail


def parse_body(raw: bytes | None) -> Json:
    """The JSON object in `raw`; raises `Malformed` for anything else, and for what orjson lets pass: duplicate keys,
    NUL characters and nesting beyond 64.

    orjson keeps the last of duplicate keys and tells nobody. Where no text in the body is escaped, a lost key shows:
    the body then holds more quotation marks than the texts that came out of it. Anything unusual takes the slow way.
    """
    if raw is None:
        raise Malformed(DeadLetterReason.TOMBSTONE, "the message has no body")
    if not raw:
        raise Malformed(DeadLetterReason.EMPTY_BODY, "the body is empty")
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError:
        body = None
    if type(body) is not dict:
        return _parse_strictly(raw)
    marks = 0
    for value in body.values():
        if type(value) is str:
            marks += 4
        elif value is None or type(value) in _SCALARS:
            marks += 2
        else:
            marks += 2 + _quotation_marks(value, 2)
    if b"\\" in raw or marks != raw.count(b'"'):
        return _parse_strictly(raw)
    return body


def raw_member(raw: bytes, name: str) -> str:
    """The text of a member's JSON value exactly as it stands in the body, big numbers included."""
    return bytes(msgspec.json.decode(raw, type=dict[str, msgspec.Raw])[name]).decode().strip()


_SCALARS = (int, float, bool)


def _quotation_marks(value: object, depth: int) -> int:
    if type(value) is str:
        return 2
    if type(value) is not dict and type(value) is not list:
        return 0
    if depth > DEPTH_MAX:
        raise _too_deep()
    if type(value) is dict:
        return sum(2 + _quotation_marks(inner, depth + 1) for inner in value.values())
    return sum(_quotation_marks(inner, depth + 1) for inner in value)


def _parse_strictly(raw: bytes) -> Json:
    """Parses once more with the standard library, to see duplicate keys and to name what is wrong."""
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise Malformed(DeadLetterReason.INVALID_ENCODING, f"byte {error.start} is not UTF-8") from None
    if text.startswith("\ufeff"):
        raise Malformed(DeadLetterReason.MALFORMED_JSON, "the body starts with a byte order mark")
    try:
        body = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant, parse_int=_any_int)
    except RecursionError:
        raise _too_deep() from None
    except json.JSONDecodeError as error:
        raise Malformed(DeadLetterReason.MALFORMED_JSON, f"{error.msg} at character {error.pos}") from None
    if type(body) is not dict:
        raise Malformed(DeadLetterReason.NOT_AN_OBJECT, f"the body must be a JSON object, not {_json_type(body)}")
    _check_texts(body, 1)
    return body


def _any_int(digits: str) -> int | float:
    """Python refuses to read integers of thousands of digits; as a number they are out of every range anyway."""
    return int(digits) if len(digits) < 400 else float("inf")


def _unique(pairs: list[tuple[str, Any]]) -> Json:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise Malformed(DeadLetterReason.DUPLICATE_KEY, "an object names a key twice")
    return members


def _no_constant(name: str) -> NoReturn:
    raise Malformed(DeadLetterReason.MALFORMED_JSON, f"{name} is not JSON")


def _check_texts(value: object, depth: int) -> None:
    if isinstance(value, str):
        if "\0" in value:
            raise Malformed(DeadLetterReason.INVALID_TEXT, "a text holds a NUL character")
        if not value.isascii():
            try:
                value.encode()
            except UnicodeEncodeError:
                raise Malformed(DeadLetterReason.INVALID_TEXT, "a text holds a lone surrogate") from None
    elif isinstance(value, (dict, list)):
        if depth > DEPTH_MAX:
            raise _too_deep()
        for inner in value:
            _check_texts(inner, depth + 1)
        if isinstance(value, dict):
            for inner in value.values():
                _check_texts(inner, depth + 1)


def _too_deep() -> Malformed:
    return Malformed(DeadLetterReason.TOO_DEEP, f"nesting is deeper than {DEPTH_MAX}")


def _json_type(value: object) -> str:
    names = {str: "a text", list: "an array", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")
