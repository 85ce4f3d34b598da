from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateways.sip.transport.stream import PING, Framer, StreamError

MAX = 2000
HEAD = b"INVITE sip:bob@example.com SIP/2.0\r\n"


def feed(framer: Framer, *pieces: bytes) -> list[bytes]:
    return [message for piece in pieces for message in framer.feed(piece)]


def framed(stream: bytes) -> list[bytes]:
    return feed(Framer(MAX), stream)


def refused(stream: bytes) -> str:
    framer = Framer(MAX)
    with pytest.raises(StreamError) as caught:
        list(framer.feed(stream))
    return str(caught.value)


@pytest.mark.parametrize(
    "header",
    [
        b"Content-Length: 4",
        b"content-length:4",
        b"CONTENT-LENGTH \t:  4  ",
        b"l: 4",
        b"L : 4",
        b"Content-Length:\r\n 4",
        b"Content-Length: 0004",
        b"To: <sip:b>\r\nl: 4\r\nContent-Length: 4\r\nFrom: a",
        b"Subject: folded\r\n l: 9\r\nl: 4",
        b"X-Content-Length: 9\r\nl: 4",
    ],
)
def test_the_length_of_the_body_is_found(header: bytes) -> None:
    message = HEAD + header + b"\r\n\r\nbody"
    assert framed(message + message) == [message, message]


@pytest.mark.parametrize(
    ("header", "why"),
    [
        (b"To: <sip:b>", "without Content-Length"),
        (b"Content-Length: many", "not one number"),
        (b"Content-Length: -4", "not one number"),
        (b"Content-Length: 4 4", "not one number"),
        (b"Content-Length:", "not one number"),
        (b"Content-Length: 4\r\nl: 5", "not one number"),
        (b"Content-Length: 99999999999999999999", "not one number"),
        (b"Content-Length: 4294967300", "longer than the 2000 bytes"),
        (b"Content-Length: 1990", "longer than the 2000 bytes"),
    ],
)
def test_a_stream_without_a_length_to_rely_on_is_lost(header: bytes, why: str) -> None:
    assert why in refused(HEAD + header + b"\r\n\r\nbody")


def test_a_message_may_be_as_long_as_allowed() -> None:
    start = HEAD + b"l: 1000\r\n\r\n"
    whole = start + bytes(1000)
    assert feed(Framer(len(whole)), whole) == [whole]
    with pytest.raises(StreamError):
        feed(Framer(len(whole) - 1), start)


def test_a_head_without_end_is_not_kept() -> None:
    framer = Framer(MAX)
    with pytest.raises(StreamError, match="longer"):
        feed(framer, *[b"x" * 100] * (MAX // 100 + 1))


def test_messages_before_the_one_that_is_none_are_taken() -> None:
    good = HEAD + b"l: 0\r\n\r\n"
    stream = Framer(MAX).feed(good + HEAD + b"\r\n")
    assert next(stream) == good
    with pytest.raises(StreamError):
        next(stream)


def test_keep_alives() -> None:
    message = HEAD + b"l: 0\r\n\r\n"
    framer = Framer(MAX)
    assert feed(framer, b"\r\n") == []
    assert feed(framer, b"\r") == []
    assert feed(framer, b"\n") == [PING]
    assert feed(framer, b"\r\n\r\n\r\n\r\n") == [PING, PING]
    assert feed(framer, b"\r\n" + message) == [message]
    assert feed(framer, b"\r\n" + message + b"\r\n") == [message]
    assert feed(framer, b"\r\n") == [PING]


def test_what_was_taken_of_a_piece_does_not_come_again() -> None:
    one, two = HEAD + b"l: 1\r\n\r\n1", HEAD + b"l: 1\r\n\r\n2"
    framer = Framer(MAX)
    assert next(framer.feed(one + two)) == one
    assert feed(framer, b"") == [two]


MESSAGES = st.builds(
    lambda name, body: HEAD + b"%b: %d\r\n\r\n%b" % (name, len(body), body),
    st.sampled_from([b"l", b"Content-Length", b"CONTENT-LENGTH "]),
    st.binary(max_size=60) | st.sampled_from([b"\r\n", b"\r\n\r\n", b"l: 5\r\n\r\n"]),
)
PARTS = st.lists(MESSAGES | st.just(b"\r\n"), max_size=8)
CUTS = st.lists(st.integers(min_value=0, max_value=1000), max_size=30)


def chunks(stream: bytes, cuts: list[int]) -> list[bytes]:
    places = [0, *sorted({cut for cut in cuts if cut < len(stream)}), len(stream)]
    return [stream[start:end] for start, end in pairwise(places)]


@given(parts=PARTS, cuts=CUTS)
def test_any_chunking_gives_the_same(parts: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(parts)
    came = feed(Framer(MAX), *chunks(stream, cuts))
    assert came == framed(stream)
    assert [message for message in came if message != PING] == [part for part in parts if part != b"\r\n"]


HOSTILE = st.lists(
    st.sampled_from([b"\r\n", b"\r", b"\n", b"\r\n\r\n", b"l: ", b"7", b"Content-Length: 3", b"x" * 150, HEAD]),
    max_size=60,
)


def outcome(pieces: list[bytes]) -> tuple[list[bytes], str]:
    framer = Framer(MAX)
    came: list[bytes] = []
    try:
        for piece in pieces:
            came.extend(framer.feed(piece))
            assert len(framer._buffer) <= MAX
    except StreamError as error:
        return came, str(error)
    return came, ""


@given(parts=HOSTILE, cuts=CUTS)
def test_hostile_streams_are_bounded_and_lost_alike(parts: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(parts)
    assert outcome(chunks(stream, cuts)) == outcome([stream[at : at + 1] for at in range(len(stream))])
    assert all(len(message) <= MAX for message in outcome(parts)[0])


@pytest.mark.parametrize("before", [b"", b"\n", b"\n\n", b"\r\n"])
def test_lines_may_end_in_lf_alone(before: bytes) -> None:
    message = (HEAD + b"To: <sip:b>\r\nl:\r\n 4\r\n\r\n").replace(b"\r\n", b"\n") + b"body"
    stream = before + message + message
    assert framed(stream) == [message, message]
    assert feed(Framer(MAX), *[stream[at : at + 1] for at in range(len(stream))]) == [message, message]
