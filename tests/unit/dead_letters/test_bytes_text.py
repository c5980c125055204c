"""What anybody may have sent does no harm to a terminal."""

import pytest

from taskmanager.programs.dlq.bytes_text import dump, in_json, line


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "(none)"),
        (b"", ""),
        ("köln 東京".encode(), "köln 東京"),
        (b"a\x1b[2Jb\0", "a\\x1b[2Jb\\x00"),
        (b"one\ntwo\ttab\r", "one\\ntwo\\ttab\\r"),
        ("\u202egnp".encode(), "\\u202egnp"),
        (b"\xff\x00", "ff 00 (not UTF-8)"),
        ("already a text\x07", "already a text\\x07"),
    ],
)
def test_one_line(value: bytes | str | None, expected: str) -> None:
    assert line(value) == expected


def test_a_text_is_shown_by_its_lines() -> None:
    assert list(dump(b'{\n "a": 1\n}')) == ["{", ' "a": 1', "}"]
    assert list(dump(b"")) == []
    assert list(dump(b"\x1b[2J")) == ["\\x1b[2J"]


def test_other_bytes_are_shown_in_hexadecimal() -> None:
    assert list(dump(b"\xff\xfea\x1bb and so on, on and on")) == [
        "00000000  ff fe 61 1b 62 20 61 6e 64 20 73 6f 20 6f 6e 2c  ..a.b and so on,",
        "00000010  20 6f 6e 20 61 6e 64 20 6f 6e                     on and on",
    ]


def test_of_a_long_value_the_beginning_is_shown() -> None:
    *shown, rest = dump(("ü" * 3000).encode())
    assert shown == ["ü" * 2048]
    assert rest == "(1,904 bytes more: --raw writes them all)"


def test_a_character_that_the_limit_cuts_does_not_make_it_binary() -> None:
    first, _ = dump(b"x" + ("ü" * 3000).encode())
    assert first == "x" + "ü" * 2047


def test_a_text_that_turns_out_binary_behind_the_limit() -> None:
    assert next(dump(b"x" * 5000 + b"\xff")).startswith("00000000  78 78")


@pytest.mark.parametrize(
    ("value", "expected"), [(None, None), ("ü".encode(), "ü"), (b"\xff", {"base64": "/w=="}), (b"", "")]
)
def test_for_machines(value: bytes | None, expected: object) -> None:
    assert in_json(value) == expected
