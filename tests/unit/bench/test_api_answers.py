"""Reading answers of HTTP out of a stream of bytes."""

import pytest

from loadtests.bench.api.answers import first_answer

_ANSWER = b'HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: 7\r\n\r\n{"a":1}'


@pytest.mark.parametrize("name", [b"Content-Length", b"content-length", b"CONTENT-LENGTH"])
def test_the_length_is_found_however_it_is_spelt(name: bytes) -> None:
    data = _ANSWER.replace(b"Content-Length", name)

    answer = first_answer(data)

    assert answer is not None
    assert (answer.status, data[answer.body : answer.end]) == (201, b'{"a":1}')


def test_an_answer_may_come_byte_by_byte() -> None:
    assert [first_answer(_ANSWER[:end]) for end in range(len(_ANSWER))] == [None] * len(_ANSWER)
    assert first_answer(_ANSWER) is not None


def test_what_follows_an_answer_is_not_part_of_it() -> None:
    answer = first_answer(_ANSWER + b"HTTP/1.1 500 Internal Server Error\r\n")

    assert answer is not None
    assert (answer.status, answer.end) == (201, len(_ANSWER))


def test_the_length_may_be_the_last_header_and_zero() -> None:
    answer = first_answer(b"HTTP/1.1 204 No Content\r\ncontent-length:0\r\n\r\n")

    assert answer is not None
    assert (answer.status, answer.end - answer.body) == (204, 0)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "without Content-Length"),
        (b"HTTP/1.1 200 OK\r\nX-Content-Length: 3\r\n\r\nabc", "without Content-Length"),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", "no answer of HTTP/1.1"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n", "invalid literal"),
    ],
)
def test_anything_else_is_an_error(data: bytes, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        first_answer(data)
