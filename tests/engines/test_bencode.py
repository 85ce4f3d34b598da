"""Bencode: real messages, all values, and whatever else may come."""

from __future__ import annotations

import random
from pathlib import Path

import bencode2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.ng.bencode import MAX_SIZE, BencodeError, NgDict, NgValue, decode, decode_prefix, encode
from engines.ng.bencode_parser import MAX_DEPTH, parse

# Captured from Kamailio 5.6.3 and rtpengine 10.5.3, cookies included.
GOLDEN = Path(__file__).with_name("golden_ng")

numbers = st.integers(-(2**63), 2**63 - 1)
values: st.SearchStrategy[NgValue] = st.recursive(
    st.binary(max_size=1200) | numbers,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.binary(max_size=12), inner, max_size=5),
    max_leaves=25,
)
dictionaries: st.SearchStrategy[NgDict] = st.dictionaries(st.binary(max_size=20), values, max_size=14)


def body(name: str) -> bytes:
    """Return a captured datagram without its cookie."""
    return (GOLDEN / name).read_bytes().split(b" ", 1)[1]


def unsorted(value: NgValue) -> bytes:
    """Write a value with the keys in their own order, as real peers do."""
    if isinstance(value, dict):
        return b"d" + b"".join(unsorted(key) + unsorted(item) for key, item in value.items()) + b"e"
    if isinstance(value, list):
        return b"l" + b"".join(map(unsorted, value)) + b"e"
    return b"i%de" % value if isinstance(value, int) else b"%d:%s" % (len(value), value)


def test_reads_an_offer_of_kamailio() -> None:
    sdp = (
        b"v=0\r\no=- 3911 3911 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\n"
        b"m=audio 4000 RTP/AVP 0 8 101\r\na=rtpmap:101 telephone-event/8000\r\n"
    )
    assert decode(body("kamailio_offer")) == {
        b"supports": [b"load limit"],
        b"sdp": sdp,
        b"ICE": b"remove",
        b"direction": [b"internal", b"external"],
        b"flags": [b"trust-address"],
        b"replace": [b"origin", b"session-connection"],
        b"codec": {b"strip": [b"speex"], b"transcode": [b"opus"]},
        b"transport-protocol": b"RTP/AVP",
        b"rtcp-mux": [b"demux"],
        b"SDES": [b"off"],
        b"call-id": b"a84b4c76e66710@pc33.example.com",
        b"via-branch": b"z9hG4bK776INVITE",
        b"received-from": [b"IP4", b"127.0.0.1"],
        b"from-tag": b"1928301774",
        b"command": b"offer",
    }


def test_reads_a_query_reply_of_rtpengine() -> None:
    reply = decode(body("rtpengine_query_reply"))
    assert isinstance(reply, dict)
    assert reply[b"result"] == b"ok"
    assert reply[b"totals"] == {
        b"RTP": {b"packets": 0, b"bytes": 0, b"errors": 0},
        b"RTCP": {b"packets": 0, b"bytes": 0, b"errors": 0},
    }
    tags = reply[b"tags"]
    assert isinstance(tags, dict)
    assert list(tags) == [b"f", b"t"]


@pytest.mark.parametrize("name", [path.name for path in sorted(GOLDEN.iterdir())])
def test_real_messages_are_read_the_same_by_both_readers_and_written_again(name: str) -> None:
    read = decode(body(name))
    assert parse(body(name)) == (read, len(body(name)))
    assert unsorted(read) == body(name)  # nothing is lost, not even the order
    assert isinstance(read, dict)
    assert decode(encode(read)) == read


@given(values)
def test_reads_any_value_with_keys_in_any_order(value: NgValue) -> None:
    data = unsorted(value)
    assert decode(data) == value
    assert decode(memoryview(data)) == value
    assert decode_prefix(data + b"behind") == (value, len(data))


@given(dictionaries)
def test_reads_and_writes_as_the_canonical_library_does(value: NgDict) -> None:
    assert encode(value) == bencode2.bencode(value)
    assert decode(encode(value)) == value == bencode2.bdecode(encode(value))


@given(dictionaries, st.data())
def test_a_cut_message_needs_more_bytes(value: NgDict, data: st.DataObject) -> None:
    whole = unsorted(value)
    cut = whole[: data.draw(st.integers(0, len(whole) - 1))]
    assert decode_prefix(cut) is None
    with pytest.raises(BencodeError):
        decode(cut)


def read_or_refuse(data: bytes) -> NgValue | type[BencodeError]:
    try:
        return decode(data)
    except BencodeError:
        return BencodeError


def parse_or_refuse(data: bytes) -> NgValue | type[BencodeError]:
    try:
        value, end = parse(data)
    except BencodeError:
        return BencodeError
    return value if end == len(data) else BencodeError


@given(st.binary(max_size=80) | st.text("dlie0123456789:-", max_size=80).map(str.encode))
def test_anything_is_read_or_refused_alike_by_both_readers(data: bytes) -> None:
    assert read_or_refuse(data) == parse_or_refuse(data)


@given(st.sampled_from(sorted(path.name for path in GOLDEN.iterdir())), st.randoms(use_true_random=False))
def test_a_damaged_message_is_read_or_refused_alike_by_both_readers(name: str, chance: random.Random) -> None:
    data = bytearray(body(name))
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(max(1, len(data)))
        match chance.randrange(3):
            case 0:
                data[at : at + 1] = bytes([chance.choice(b"dlie:0123456789-\x00\xff")])
            case 1:
                del data[at : at + chance.randint(1, 9)]
            case _:
                data[at:at] = chance.choice([b"d", b"l", b"e", b"i1e", b"1:x", b"99:"])
    assert read_or_refuse(bytes(data)) == parse_or_refuse(bytes(data))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "the data ends too early at offset 0"),
        (b"d", "the data ends too early at offset 1"),
        (b"d1:a", "the data ends too early at offset 4"),
        (b"d1:a5:abce", "the data ends too early at offset 10"),
        (b"12", "the data ends too early at offset 2"),
        (b"5:abc", "the data ends too early at offset 5"),
        (b"i12", "the data ends too early at offset 3"),
        (b"d1:a1:be\n", "1 bytes after the end at offset 8"),
        (b"d1:ae", "a key without a value in the dictionary that ends at offset 4"),
        (b"di1e1:ae", "a key that is not a string in the dictionary that ends at offset 7"),
        (b"dle1:ae", "a key that is not a string in the dictionary that ends at offset 6"),
        (b"x", "neither a string, a number, a list nor a dictionary at offset 0"),
        (b"lxe", "neither a string, a number, a list nor a dictionary at offset 1"),
        (b"e", "neither a string, a number, a list nor a dictionary at offset 0"),
        (b"d02:ab1:xe", "a string without a proper length at offset 1"),
        (b"d-1:a1:xe", "a string without a proper length at offset 1"),
        (b"l1x:ae", "a string without a proper length at offset 1"),
        (b"l 1:ae", "a string without a proper length at offset 1"),
        (b"l1_0:aaaaaaaaaae", "a string without a proper length at offset 1"),
        (b"9999999999:a", "a string without a proper length at offset 0"),
        (b"99999:a", "a string of 99999 bytes, more than the 65536 allowed at offset 0"),
        (b"li01ee", "a number without proper digits at offset 1"),
        (b"liee", "a number without proper digits at offset 1"),
        (b"li-ee", "a number without proper digits at offset 1"),
        (b"li+1ee", "a number without proper digits at offset 1"),
        (b"li1_0ee", "a number without proper digits at offset 1"),
        (b"d1:ai" + b"9" * 5000 + b"ee", "a number without proper digits at offset 4"),
        (b"d1:ai9223372036854775808ee", "a number of more than 64 bits at offset 4"),
        (b"d1:ali9223372036854775808eee", "a number of more than 64 bits at offset 5"),
        (b"l" * 33 + b"e" * 33, "more than 32 containers in each other at offset 32"),
        (b"d1:a" * 16000, "more than 32 containers in each other at offset 128"),
        (b"l" * MAX_SIZE + b"e", "65537 bytes, more than the 65536 allowed at offset 65536"),
    ],
)
def test_says_what_is_wrong_and_where(data: bytes, message: str) -> None:
    with pytest.raises(BencodeError) as caught:
        decode(data)
    assert str(caught.value) == message
    assert message.endswith(f"offset {caught.value.offset}")


@pytest.mark.parametrize("around", [b"d%se", b"d1:cd1:b0:1:a0:e%se"])
def test_of_a_key_that_stands_twice_the_first_value_counts(around: bytes) -> None:
    data = around % b"1:a1:x1:b1:y1:a1:z"
    read = decode(data)
    assert isinstance(read, dict)
    assert (read[b"a"], read[b"b"]) == (b"x", b"y")


def test_reads_minus_nought_and_the_widest_numbers() -> None:
    wide = b"d1:ai-0e1:bi-9223372036854775808e1:ci9223372036854775807ee"
    assert decode(wide) == {b"a": 0, b"b": -(2**63), b"c": 2**63 - 1}


def test_the_deepest_and_the_longest_that_are_allowed() -> None:
    deep: NgValue = []
    for _ in range(MAX_DEPTH - 1):
        deep = [deep]
    assert decode(unsorted(deep)) == deep
    long = b"x" * (MAX_SIZE - 11)
    assert decode(unsorted({b"a": long})) == {b"a": long}


def test_a_prefix_longer_than_allowed_is_hopeless() -> None:
    with pytest.raises(BencodeError, match="longer than the 65536 bytes allowed"):
        decode_prefix(b"l" + b"1:a" * MAX_SIZE)


def test_refuses_to_write_what_bencode_has_no_form_for() -> None:
    with pytest.raises(TypeError):
        encode({b"a": None})  # type: ignore[dict-item]
