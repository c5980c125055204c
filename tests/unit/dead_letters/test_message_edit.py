"""An operator corrects a message."""

import pytest

from taskmanager.application.commands import UNREADABLE_HEADERS
from taskmanager.application.use_cases.dead_letters.message_edit import AS_IT_WAS, MessageEdit
from tests.fakes.messages import request

_PAIRS: list[tuple[str, bytes | None]] = [("a", b"1"), ("b", b"2"), ("a", b"3"), ("c", None)]
_MESSAGE = request(b"{", key=b"key", offset=7)._replace(headers=_PAIRS)


@pytest.mark.parametrize(
    "edit",
    [AS_IT_WAS, MessageEdit(value=b"{"), MessageEdit(key=b"key"), MessageEdit(without_headers=frozenset({"z"}))],
    ids=["nothing", "the same value", "the same key", "a header that is not there"],
)
def test_what_changes_nothing_is_no_edit(edit: MessageEdit) -> None:
    assert edit.apply(_MESSAGE) is _MESSAGE


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (MessageEdit(headers={"b": b"x"}), [("a", b"1"), ("a", b"3"), ("c", None), ("b", b"x")]),
        (MessageEdit(headers={"a": b""}), [("b", b"2"), ("c", None), ("a", b"")]),
        (MessageEdit(headers={"d": b"x"}), [*_PAIRS, ("d", b"x")]),
        (MessageEdit(without_headers=frozenset({"a", "c"})), [("b", b"2")]),
        (MessageEdit(headers={"a": b"x"}, without_headers=frozenset({"a"})), [("b", b"2"), ("c", None), ("a", b"x")]),
    ],
    ids=["one is replaced", "all of a name are replaced", "one is added", "all of a name go", "both"],
)
def test_headers(edit: MessageEdit, expected: list[tuple[str, bytes | None]]) -> None:
    assert edit.apply(_MESSAGE) == _MESSAGE._replace(headers=expected)
    assert _MESSAGE.headers == [("a", b"1"), ("b", b"2"), ("a", b"3"), ("c", None)]


def test_value_and_key() -> None:
    assert MessageEdit(key=b"", value=b"{}").apply(_MESSAGE) == _MESSAGE._replace(key=b"", value=b"{}")


def test_headers_of_a_message_without_any() -> None:
    assert MessageEdit(headers={"a": b"1"}).apply(_MESSAGE._replace(headers=None)).headers == [("a", b"1")]


def test_headers_that_nobody_could_read_give_way_to_those_that_are_set() -> None:
    unreadable = _MESSAGE._replace(headers=UNREADABLE_HEADERS)

    assert MessageEdit(headers={"a": b"1"}).apply(unreadable).headers == [("a", b"1")]
    assert MessageEdit(value=b"{}").apply(unreadable).headers is UNREADABLE_HEADERS
