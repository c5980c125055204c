"""Taking a JSON object apart."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskmanager.programs.demo.json_object import MalformedObjectError, _Scan, split_object

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.text(), json_values, max_size=6), st.booleans(), st.sampled_from([None, 1, 2]))
def test_every_member_of_any_object_comes_out_as_it_stands(members, ascii_only, indent):
    # json writes NaN and Infinity, and lone surrogates as escapes: the lenient side of the grammar.
    text = json.dumps(members, ensure_ascii=ascii_only, indent=indent)
    try:
        line = text.encode()
    except UnicodeEncodeError:
        line = json.dumps(members, ensure_ascii=True, indent=indent).encode()

    found = split_object(line)

    assert found.keys() == members.keys()
    for name, raw in found.items():
        assert raw in line
        assert json.dumps(json.loads(raw)) == json.dumps(members[name])


@given(st.dictionaries(st.text(), json_values, max_size=6))
def test_the_slow_scan_agrees_with_the_quick_one(members):
    line = json.dumps(members).encode()

    assert _Scan(line).members() == split_object(line)


@given(st.binary(max_size=40) | st.text('{}[]",:1aNn\\ ').map(str.encode))
def test_what_is_taken_for_an_object_is_one_for_python_too(line):
    try:
        split_object(line)
    except MalformedObjectError:
        return

    assert isinstance(json.loads(line.decode("utf-8", "replace")), dict)


@pytest.mark.parametrize(
    "value",
    [
        b"NaN",
        b"-Infinity",
        b'{"a":1,"a":2}',
        b'"\\ud800"',
        b'"\\u0000"',
        b'"\xff\xfe"',
        b"123456789012345678901234567890.5E400",
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
        b"[ 1 ,\t2 ]",
    ],
)
def test_values_that_readers_stumble_over_pass_byte_for_byte(value):
    assert split_object(b'{"before": NaN, "value" : ' + value + b', "after":1}')["value"] == value


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b"", "expected { at byte 1"),
        (b"  [1]", "expected { at byte 3"),
        (b'"text"', "expected { at byte 1"),
        (b'{"a":1', "expected a comma or the closing bracket at byte 7"),
        (b'{"a":1}}', "something follows the object at byte 8"),
        (b'{"a":1} {"b":2}', "something follows the object at byte 9"),
        (b'{"a":NaN,}', "expected a name in double quotes at byte 10"),
        (b'{"a" 1}', "expected a colon at byte 6"),
        (b"{'a':1}", "expected a name in double quotes or } at byte 2"),
        (b'{"a":[1}', "expected a comma or the closing bracket at byte 8"),
        (b'{"a":[1,]}', "expected a value at byte 9"),
        (b'{"a":01}', "expected a comma or the closing bracket at byte 7"),
        (b'{"a":tru}', "expected a value at byte 6"),
        (b'{"a":"\\q"}', "expected a value at byte 6"),
        (b'{"a":"new\nline"}', "expected a value at byte 6"),
        (b'{"\xff":1}', "a name is not UTF-8"),
    ],
)
def test_what_is_no_object_is_refused_with_the_place(line, problem):
    with pytest.raises(MalformedObjectError) as caught:
        split_object(line)

    assert str(caught.value) == problem


def test_of_equal_names_the_last_counts_on_both_ways():
    assert split_object(b'{"a":1,"a":2}') == {"a": b"2"}
    assert split_object(b'{"a":NaN,"a":2}') == {"a": b"2"}
