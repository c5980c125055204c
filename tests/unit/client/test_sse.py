"""Blocks of a stream, however its bytes are cut up."""

from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskmanager.client.errors import UnexpectedAnswer
from taskmanager.client.sse import Block, BlockParser

STREAM = (
    ": listening\nretry: 2000\nid: 4\n\n"
    'id: 5\r\nevent: TaskCreated\r\ndata: {"é":\r\ndata:1}\r\n\r\n'
    "data\n\n"
    "unknown: x\nid: 6\nretry: soon\n\n"
    "data: cut sh"
).encode()
BLOCKS = [Block("4", None, 2.0), Block("5", '{"é":\n1}', None), Block("5", "", None), Block("6", None, None)]


@given(st.lists(st.integers(0, len(STREAM)), max_size=40))
def test_blocks_do_not_depend_on_where_the_bytes_are_cut(cuts: list[int]) -> None:
    ends = [*sorted(cuts), len(STREAM)]
    parser = BlockParser()
    pieces = [STREAM[begin:end] for begin, end in zip([0, *ends], ends, strict=False)]
    assert b"".join(pieces) == STREAM
    blocks = [block for piece in pieces for block in parser.feed(piece)]
    assert blocks == BLOCKS


@pytest.mark.parametrize("flood", [b"data: x\n", b"x"])
def test_a_block_without_end_is_refused(flood: bytes) -> None:
    parser = BlockParser(block_max_bytes=1000)
    with pytest.raises(UnexpectedAnswer, match="1,000 bytes"):
        [*chain.from_iterable(parser.feed(flood) for _ in range(2000))]


def test_many_blocks_in_one_piece_are_no_large_one() -> None:
    assert len(list(BlockParser(block_max_bytes=100).feed(b"data: 12345\n\n" * 1000))) == 1000
