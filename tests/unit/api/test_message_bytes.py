"""Bytes in JSON."""

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from taskmanager.api.rest.message_bytes import Base64, given, shown
from taskmanager.domain.errors import InvalidValue


@for_all(st.binary())
def test_what_is_shown_can_be_given_back(value: bytes) -> None:
    there = shown(value)
    assert there is not None
    assert given("value", there) == value


def test_what_is_text_is_shown_as_text_and_what_is_missing_as_null() -> None:
    assert shown("naïve".encode()) == "naïve"
    assert shown(b"\xff") == Base64("/w==")
    assert shown(None) is None


@pytest.mark.parametrize("text", ["?", "a", "/w=", "/w==\n", "ä"])
def test_what_is_no_base64_is_refused(text: str) -> None:
    with pytest.raises(InvalidValue, match="must be base64"):
        given("value", Base64(text))
