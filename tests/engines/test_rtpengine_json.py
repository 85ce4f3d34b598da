"""The JSON encoding of ng dictionaries."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.ng.bencode import MAX_SIZE, NgDict, NgValue
from engines.ng.bencode_parser import MAX_DEPTH
from engines.ng.json_codec import JsonError, decode, encode

texts = st.text(max_size=30).map(str.encode)
values: st.SearchStrategy[NgValue] = st.recursive(
    texts | st.integers(-(2**63), 2**63 - 1),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(texts, inner, max_size=5),
    max_leaves=20,
)


@given(st.dictionaries(texts, values, max_size=12))
def test_reads_what_it_wrote(value: NgDict) -> None:
    assert decode(encode(value)) == value


def test_reads_an_offer() -> None:
    offer = (
        '{"command": "offer", "call-id": "Zürich", "sdp": "v=0\\r\\n", "flags": ["a"], '
        '"n": 1, "yes": true, "no": false, "codec": {"strip": []}}'
    )
    read = decode(offer.encode())
    assert read == {
        b"command": b"offer",
        b"call-id": "Zürich".encode(),
        b"sdp": b"v=0\r\n",
        b"flags": [b"a"],
        b"n": 1,
        b"yes": 1,
        b"no": 0,
        b"codec": {b"strip": []},
    }
    assert type(read[b"yes"]) is int


def test_writes_what_is_no_utf8_with_replacements() -> None:
    assert encode({b"a\xff": b"\xfe!", b"b": [b"\xc3\xa9"]}) == '{"a\ufffd":"\ufffd!","b":["é"]}'.encode()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not JSON in UTF-8"),
        (b'{"a":', "not JSON in UTF-8"),
        (b'{"a": "\xff"}', "not JSON in UTF-8"),
        ('{"a": "x"}'.encode("utf-16"), "not JSON in UTF-8"),
        (b'["a"]', "not an object"),
        (b'{"a": null}', "null, which the ng protocol has no value for"),
        (b'{"a": [null]}', "null, which the ng protocol has no value for"),
        (b'{"a": 1.5}', "1.5, which is no integer"),
        (b'{"a": 1e3}', "1e3, which is no integer"),
        (b'{"a": NaN}', "NaN, which is no integer"),
        (b'{"a": -Infinity}', "-Infinity, which is no integer"),
        (b'{"a": 9223372036854775808}', "a number of more than 64 bits"),
        (b'{"a": ' + b"9" * 5000 + b"}", "not JSON in UTF-8"),
        (b'{"a": "\\ud800"}', "half of a surrogate pair"),
        (b'{"\\ud800": 1}', "half of a surrogate pair"),
        (b'{"a": ' + b"[" * 32 + b"]" * 32 + b"}", "more than 32 lists and objects"),
        (b'{"a":' * 33 + b"1" + b"}" * 33, "more than 32 lists and objects"),
        (b'{"a": ' + b"[" * 30000 + b"]" * 30000 + b"}", "more than 32 lists and objects"),
        (b" " * (MAX_SIZE + 1), "65537 bytes, more than the 65536 allowed"),
    ],
)
def test_says_what_it_refuses(data: bytes, message: str) -> None:
    with pytest.raises(JsonError, match=message):
        decode(data)


def test_the_deepest_that_is_allowed() -> None:
    lists = MAX_DEPTH - 1
    assert json.loads(encode(decode(b'{"a":' + b"[" * lists + b"]" * lists + b"}"))).keys() == {"a"}


@given(st.binary(max_size=60) | st.text('{}[]":,0e.-ntf\\u', max_size=60).map(str.encode))
def test_anything_is_read_or_refused(data: bytes) -> None:
    try:
        read = decode(data)
    except JsonError:
        return
    assert decode(encode(read)) == read
