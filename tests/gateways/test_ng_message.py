from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateways.ng.message import UnreadableMessage, join, read, split


@pytest.mark.parametrize(
    ("message", "parts"),
    [
        (b"1_2 d7:command4:pinge", (b"1_2", b"d7:command4:pinge")),
        (b"1_2 ", (b"1_2", b"")),
        (b"1_2  x", (b"1_2", b" x")),
        (b"", None),
        (b"cookie", None),
        (b" d7:command4:pinge", None),
        (b"x" * 256 + b" d", (b"x" * 256, b"d")),
        (b"x" * 257 + b" d", None),
    ],
)
def test_split(message: bytes, parts: tuple[bytes, bytes] | None) -> None:
    assert split(message) == parts
    if parts is not None:
        assert join(*parts) == message


@pytest.mark.parametrize("rest", [b"\n", b"\0\0", b"xyz", b"d7:command6:deletee"])
def test_what_follows_a_dictionary_is_left_alone(rest: bytes) -> None:
    assert read(b"d7:command4:ping" + b"e" + rest)[0] == {b"command": b"ping"}


def test_the_reply_is_written_as_the_request_was() -> None:
    for body, written in ((b"d7:command4:pinge", b"d6:result4:ponge"), (b'{"command":"ping"}', b'{"result":"pong"}')):
        request, encode = read(body)
        assert request == {b"command": b"ping"}
        assert encode({b"result": b"pong"}) == written


@pytest.mark.parametrize(
    ("body", "reply"),
    [
        (b"", b"d12:error-reason25:Invalid data (no payload)6:result5:errore"),
        (b"x", b"d12:error-reason22:Invalid NG data format6:result5:errore"),
        (b"li1ee", b"d12:error-reason22:Invalid NG data format6:result5:errore"),
        (b"d7:commande", b"d12:error-reason35:Could not decode bencode dictionary6:result5:errore"),
        (b"{", b'{"result":"error","error-reason":"Failed to parse JSON document"}'),
        (b'{"command":1.5}', b'{"result":"error","error-reason":"Failed to parse JSON document"}'),
    ],
)
def test_what_cannot_be_read_is_answered_in_its_encoding(body: bytes, reply: bytes) -> None:
    with pytest.raises(UnreadableMessage) as caught:
        read(body)
    assert caught.value.reply == reply


@given(st.binary() | st.binary().map(lambda rest: b"d" + rest) | st.binary().map(lambda rest: b"{" + rest))
def test_nothing_but_unreadable_is_raised(body: bytes) -> None:
    with contextlib.suppress(UnreadableMessage):
        dictionary, encode = read(body)
        assert read(encode(dictionary)) == (dictionary, encode)
