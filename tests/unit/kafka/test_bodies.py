"""The lenient parse, where it is taken, must never accept what the strict one would not."""

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskmanager.api.kafka import bodies
from taskmanager.api.kafka.bodies import Malformed, parse_body, raw_member
from tests.fakes.poison import NESTED_64

# Texts around what the count of quotation marks could stumble over.
_TEXTS = st.text(alphabet=st.sampled_from('ab"\\:,{}[] \n\t\0é\u2028😀'), max_size=6)
_KEYS = st.sampled_from(["a", "b", "", '"', "\\", "é", '":"'])
_NUMBERS = st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
_SCALARS = st.none() | st.booleans() | _NUMBERS | _TEXTS


class _Twice(list[tuple[str, Any]]):
    """The members of an object, of which some may have the same key."""


def _written(value: Any, escape: bool) -> str:
    if isinstance(value, _Twice):
        members = (f"{_written(key, escape)}:{_written(inner, escape)}" for key, inner in value)
        return "{" + ", ".join(members) + "}"
    if isinstance(value, list):
        return "[" + " ,".join(_written(inner, escape) for inner in value) + "]"
    return json.dumps(value, ensure_ascii=escape)


_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.lists(st.tuples(_KEYS | _TEXTS, inner), max_size=4).map(_Twice),
    max_leaves=12,
)
_OBJECTS = st.lists(st.tuples(_KEYS, _VALUES), max_size=5).map(_Twice)
_BODIES = st.tuples(_OBJECTS, st.booleans()).map(lambda drawn: _written(*drawn).encode())


def _outcome(parse: Any, raw: bytes) -> Any:
    try:
        return _as_doubles(parse(raw))
    except Malformed as error:
        return error.reason


def _as_doubles(value: Any) -> Any:
    """The quick parse reads integers of more than 64 bits as floats; no range allows either."""
    if isinstance(value, dict):
        return {key: _as_doubles(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_as_doubles(inner) for inner in value]
    return float(value) if type(value) is int else value


def _has_a_key_twice(value: Any) -> bool:
    if isinstance(value, _Twice):
        keys = [key for key, _ in value]
        return len(set(keys)) < len(keys) or any(_has_a_key_twice(inner) for _, inner in value)
    return isinstance(value, list) and any(map(_has_a_key_twice, value))


def _mangled(raw: bytes, at: int, by: bytes) -> bytes:
    at %= len(raw) + 1
    return raw[:at] + by + raw[at + 1 :]


_MANGLED = st.builds(
    _mangled,
    _BODIES,
    st.integers(0, 200),
    st.sampled_from([b"", b'"', b"\\", b'\\"', b'":"', b'""', b",", b"\xff", b"{"]),
)


@given(_BODIES | _MANGLED | st.binary(min_size=1, max_size=40))
def test_the_quick_parse_agrees_with_the_strict_one(raw: bytes) -> None:
    assert _outcome(parse_body, raw) == _outcome(bodies._parse_strictly, raw)


@given(st.tuples(_OBJECTS, st.booleans()))
def test_a_key_given_twice_at_any_level_is_never_accepted(drawn: tuple[_Twice, bool]) -> None:
    members, escape = drawn
    accepted = isinstance(_outcome(parse_body, _written(members, escape).encode()), dict)

    assert not (accepted and _has_a_key_twice(members))


@given(st.dictionaries(st.sampled_from(["a", "b", "é"]), st.integers(0, 9) | st.text("xyé", max_size=5)))
def test_plain_bodies_never_take_the_slow_way(members: dict[str, Any]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bodies, "_parse_strictly", None)

        assert parse_body(orjson.dumps(members)) == orjson.loads(orjson.dumps(members))


@pytest.mark.parametrize("raw", [NESTED_64, NESTED_64.replace(b'"q"', b'"\\u0071"')], ids=["plain", "with an escape"])
def test_nesting_of_64_is_accepted(raw: bytes) -> None:
    assert parse_body(raw)["userQuery"] == "q"


@pytest.mark.parametrize(
    "text",
    ["1e400", "9" * 5000, "-" + "9" * 400, "1.10", "[1, 2]", '{"b":  {"c": 1E5}}', '"\\u00e9"', "null", "true", "-0"],
)
def test_a_member_is_kept_as_it_stands_in_the_body(text: str) -> None:
    raw = f'{{"a": 1, "\\u0072esult" :\t{text}\n, "z": []}}'.encode()

    assert raw_member(raw, "result") == text


@given(_BODIES)
def test_the_text_of_any_member_of_an_accepted_body_means_what_was_parsed(raw: bytes) -> None:
    body = _outcome(parse_body, raw)

    for name in body if isinstance(body, dict) else ():
        assert _as_doubles(json.loads(raw_member(raw, name))) == body[name]
