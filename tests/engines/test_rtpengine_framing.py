"""ng messages out of a stream."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.ng.bencode import MAX_SIZE, BencodeError, decode
from engines.ng.framing import MAX_COOKIE, StreamSplitter

MESSAGES = [
    b"c1 d7:command4:pinge",
    b"a-rather-long-cookie d7:command5:offer3:sdp12:v=0 d1:ae\r\n\r5:flagsl1:a1:bee",
    b"3 d1:ai-12e1:bd1:clleleeee",
    b"4 de",
]


@given(st.lists(st.sampled_from(MESSAGES), max_size=6), st.lists(st.integers(0, 250)))
def test_cuts_messages_wherever_the_pieces_end(messages: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(messages)
    borders = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    splitter = StreamSplitter()
    received = [message for begin, end in pairwise(borders) for message in splitter.feed(stream[begin:end])]
    assert received == messages


def test_byte_by_byte() -> None:
    splitter = StreamSplitter()
    stream = b"".join(MESSAGES)
    assert [message for byte in stream for message in splitter.feed(bytes([byte]))] == MESSAGES


def test_a_long_message_in_small_pieces() -> None:
    message = b"c d3:sdp60000:" + b"x" * 60000 + b"e"
    splitter = StreamSplitter()
    received = [whole for at in range(0, len(message), 7) for whole in splitter.feed(message[at : at + 7])]
    assert received == [message]


@pytest.mark.parametrize(
    ("stream", "message"),
    [
        (b" d1:a1:be", "no cookie"),
        (b"x" * (MAX_COOKIE + 1), "no cookie"),
        (b'c {"command": "ping"}', "no dictionary behind the cookie"),
        (b"c d" + b"l" * 40, "more than 32 containers"),
        (b"c d-", "neither a string"),
        (b"c d99999:", "a string of 99999 bytes"),
        (b"c d1:a60000:" + b"x" * 60000 + b"1:b60000:", "a message longer than the 65536 bytes"),
        (b"c d" + b"1:a" * MAX_SIZE, "a message longer than the 65536 bytes"),
    ],
)
def test_a_stream_of_something_else_is_refused_after_what_came_before(stream: bytes, message: str) -> None:
    messages = StreamSplitter().feed(MESSAGES[0] + stream)
    assert next(messages) == MESSAGES[0]
    with pytest.raises(BencodeError, match=message):
        next(messages)


@given(st.binary(max_size=200))
def test_any_bytes_give_messages_or_an_error(stream: bytes) -> None:
    try:
        received = list(StreamSplitter().feed(stream))
    except BencodeError:
        return
    for message in received:
        assert b" d" in message


@given(st.text("dle019:i", max_size=60).map(str.encode))
def test_what_can_be_read_is_cut_where_it_ends(body: bytes) -> None:
    body = b"d" + body + b"e"
    try:
        decode(body)
    except BencodeError:
        return
    assert list(StreamSplitter().feed(b"c " + body)) == [b"c " + body]
