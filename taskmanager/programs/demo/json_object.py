"""Takes a JSON object apart without changing a byte of its members."""

import json
import re
from collections.abc import Mapping

import msgspec

# JSON's own grammar, and what some writers add to it: NaN and Infinity. Escapes of lone surrogates are grammatical.
_TOKEN = re.compile(
    rb"""[ \t\r\n]*+(?:
        (?P<string>"[^"\\\x00-\x1f]*+(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*+)*+")
      | (?P<scalar>-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?|-?Infinity|NaN|true|false|null)
      | (?P<mark>[\[\]{},:])
    )""",
    re.VERBOSE,
).match
_BLANK = b" \t\r\n"
_VALUE, _FIRST_VALUE, _KEY, _FIRST_KEY, _COLON, _COMMA = range(6)
_WANTED = {
    _VALUE: "a value",
    _FIRST_VALUE: "a value or ]",
    _KEY: "a name in double quotes",
    _FIRST_KEY: "a name in double quotes or }",
    _COLON: "a colon",
    _COMMA: "a comma or the closing bracket",
}


class MalformedObjectError(ValueError):
    """The text is no JSON object; says what was expected, and at which byte (from 1)."""


def split_object(text: bytes) -> Mapping[str, bytes]:
    """The members of a JSON object by name, each value as the bytes that stand in `text`; of equal names the last.

    Beyond JSON it lets pass what its readers are tested with: NaN, Infinity, nesting of any depth, and bytes in the
    values that are no UTF-8. Raises `MalformedObjectError` for anything else.
    """
    try:
        return {name: bytes(raw) for name, raw in msgspec.json.decode(text, type=dict[str, msgspec.Raw]).items()}
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return _Scan(text).members()


class _Scan:
    """One pass over the tokens with a stack of its own, so that depth costs a byte a level and no recursion."""

    def __init__(self, text: bytes) -> None:
        self._text = text
        self._position = 0
        self._open = bytearray()  # the closing brackets that are owed
        self._name = b""
        self._value_at = 0
        self._members: dict[str, bytes] = {}

    def members(self) -> dict[str, bytes]:
        start = len(self._text) - len(self._text.lstrip(_BLANK))
        if self._text[start : start + 1] != b"{":
            raise MalformedObjectError(f"expected {{ at byte {start + 1}")
        self._position = start + 1
        self._open += b"}"
        state = _FIRST_KEY
        while self._open:
            state = self._step(state)
        rest = self._text[self._position :].lstrip(_BLANK)
        if rest:
            raise MalformedObjectError(f"something follows the object at byte {len(self._text) - len(rest) + 1}")
        return self._members

    def _step(self, state: int) -> int:
        match = _TOKEN(self._text, self._position)
        if match is None:
            raise self._unexpected(state)
        token = match[match.lastgroup or 0]
        if state in (_VALUE, _FIRST_VALUE) and len(self._open) == 1:
            self._value_at = match.end() - len(token)
        following = self._follow(state, match.lastgroup, token)
        if following is None:
            raise self._unexpected(state)
        self._position = match.end()
        if following == _COMMA and len(self._open) == 1 and state != _COLON:
            self._members[_text(self._name)] = self._text[self._value_at : self._position]
        return following

    def _follow(self, state: int, kind: str | None, token: bytes) -> int | None:
        """The state after `token`, or None where it may not stand."""
        if state == _COLON:
            return _VALUE if token == b":" else None
        if state in (_KEY, _FIRST_KEY) and kind == "string":
            if len(self._open) == 1:
                self._name = token
            return _COLON
        if state == _COMMA and token == b",":
            return _KEY if self._open[-1:] == b"}" else _VALUE
        if state in (_COMMA, _FIRST_KEY, _FIRST_VALUE) and token == self._open[-1:]:
            self._open.pop()
            return _COMMA
        if state in (_VALUE, _FIRST_VALUE):
            return self._begin(kind, token)
        return None

    def _begin(self, kind: str | None, token: bytes) -> int | None:
        if kind in ("string", "scalar"):
            return _COMMA
        if token == b"{":
            self._open += b"}"
            return _FIRST_KEY
        if token == b"[":
            self._open += b"]"
            return _FIRST_VALUE
        return None

    def _unexpected(self, state: int) -> MalformedObjectError:
        blank = len(self._text) - len(self._text[self._position :].lstrip(_BLANK))
        return MalformedObjectError(f"expected {_WANTED[state]} at byte {blank + 1}")


def _text(token: bytes) -> str:
    try:
        return str(json.loads(token))
    except UnicodeDecodeError:
        raise MalformedObjectError("a name is not UTF-8") from None
