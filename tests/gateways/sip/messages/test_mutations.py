"""Random changes of real messages: nothing but Malformed comes out of reading, and what is read can be written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateways.sip.addresses import Hop, SipTransport
from gateways.sip.messages.hops import hop_of, response_hop
from gateways.sip.messages.incoming import IncomingRequest, IncomingResponse
from gateways.sip.messages.making import ack_for, cancel_for, copy_request, copy_response
from gateways.sip.messages.reading import MAX_MESSAGE, Malformed, is_keepalive, read
from gateways.sip.messages.replies import reply_to
from gateways.sip.messages.values import param_of, split_values, uri_text, with_params
from gateways.sip.messages.vias import top_via
from gateways.sip.messages.writing import write
from tests.gateways.sip.messages.examples import ALICE, INVITE, RINGING
from tests.gateways.sip.messages.torture import load

REAL = [INVITE, RINGING, *load("rfc4475.txt").values(), *load("rfc5118.txt").values()]
PIECES = [
    b"\r\n",
    b"\r\n ",
    b"\n",
    b"\r",
    b"\0",
    b'"',
    b"\\",
    b"<",
    b">",
    b";",
    b",",
    b":",
    b"%",
    b"=",
    b"\xff",
    b"[",
    b"]",
]
HOPS = [ALICE, Hop(SipTransport.TCP, "2001:db8::1", 40000), Hop(SipTransport.UDP, "fe80::1%eth0", 5060)]


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    data = draw(st.sampled_from(REAL))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        gone = draw(st.integers(0, 8))
        piece = draw(st.sampled_from(PIECES) | st.binary(max_size=4)) or draw(st.sampled_from(REAL))[at:]
        data = data[:at] + piece * draw(st.integers(0, 3)) + data[at + gone :]
    return data


def check(data: bytes, hop: Hop) -> None:
    """Read bytes, and do with what comes of it what a proxy does."""
    is_keepalive(data)
    try:
        incoming = read(data, hop)
    except Malformed as malformed:
        check_reply(malformed)
    else:
        check_message(incoming, hop)


def check_reply(malformed: Malformed) -> None:
    if malformed.reply is not None:
        assert 400 <= malformed.reply.code < 600
        assert write(malformed.reply)


def check_message(incoming: IncomingRequest | IncomingResponse, hop: Hop) -> None:
    if isinstance(incoming, IncomingRequest):
        written = write(copy_request(incoming.message))
        response_hop(incoming.via, hop)
        refusal = reply_to(incoming.message, 404)
        assert read(write(refusal), hop).branch == incoming.branch
        assert read(write(ack_for(incoming.message, refusal)), hop).branch == incoming.branch
        assert read(write(cancel_for(incoming.message)), hop).branch == incoming.branch
    else:
        written = write(copy_response(incoming.message))
        hop_of(top_via(incoming.message.headers))
    again = read(written, hop)
    assert write(again.message) == written
    assert (again.call_id, again.from_tag, again.to_tag, again.cseq, again.branch) == (
        incoming.call_id,
        incoming.from_tag,
        incoming.to_tag,
        incoming.cseq,
        incoming.branch,
    )


@given(mutated(), st.sampled_from(HOPS))
def test_mutations(data: bytes, hop: Hop) -> None:
    check(data, hop)


@given(
    st.sampled_from(
        [
            (INVITE, b"Max-Forwards: 70", b"Organization: %b\r\nMax-Forwards: 70"),
            (INVITE, b'"Alice"', b'"%b"'),
            (INVITE, b"Contact: <", b"Contact: %b <"),
            (RINGING, b"180 Ringing", b"180 %b"),
            (RINGING, b'"Alice"', b'"%b"'),
            (RINGING, b"Call-ID", b'Warning: 399 a "%b"\r\nCall-ID'),
        ]
    ),
    st.lists(st.integers(0x80, 0xFF) | st.sampled_from(b"aZ09 .-"), min_size=1, max_size=12).map(bytes),
    st.sampled_from(HOPS[:1]),
)
def test_bytes_that_need_not_be_understood_go_through(place: tuple[bytes, bytes, bytes], raw: bytes, hop: Hop) -> None:
    data, old, new = place
    raw = b"x" + raw + b"x"
    assert old in data
    written = data.replace(old, new % raw)
    incoming = read(written, hop)
    check(written, hop)
    assert write(incoming.message) == written
    if isinstance(incoming, IncomingRequest):
        for name in (b"From", b"To"):
            line = next(line for line in written.split(b"\r\n") if line.startswith(name))
            assert line in write(reply_to(incoming.message, 486))


@given(st.binary(max_size=300), st.sampled_from(HOPS))
def test_anything(data: bytes, hop: Hop) -> None:
    check(data, hop)


@given(st.text(max_size=60) | st.text(st.sampled_from('";,<>\\= a%[]:'), max_size=40))
def test_text_tools_take_anything(text: str) -> None:
    values = split_values([text])
    assert split_values(values) == values
    uri_text(text)
    param_of(with_params(text, {"tag": "a"}), "tag")


@given(
    st.sampled_from(["sip:a@b", "<sip:a@b;tag=uri>", '"A \\"; <x>" <sip:a@b>', "B <sip:a,b@c>"]),
    st.sampled_from(["", ";tag=old", " ; TAG = old;x", ';x="a;tag=b"']),
    st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=20),
)
def test_parameters_that_are_set_are_found(address: str, params: str, value: str) -> None:
    text = with_params(address + params, {"tag": value})
    assert param_of(text, "tag") == value
    assert uri_text(text) == uri_text(address)
    assert param_of(text, "x") == param_of(address + params, "x")


@pytest.mark.parametrize(
    "hostile",
    [
        b'"' + b'\\"' * 30000,
        b'"' * 60000,
        b"<" * 60000,
        b"\\" * 60000,
        b";" * 60000,
        b"; " * 30000,
        b"," * 60000,
        b"a " * 30000,
        b" " * 60000,
        b";a=" * 20000,
        b";a" * 30000,
        b"a-" * 30000,
        b"a." * 30000,
        b"sip:" * 15000,
        b"<sip:a@" * 8000,
        b"\r\n " * 20000,
        b" \r\n" * 20000 + b" x",
        b"\r\nX:1" * 11000,
        b"\r\n x" + b" " * 60000 + b"y",
        b'=";' * 20000,
        b"%41" * 20000,
        b"[" + b":" * 60000,
        b"9" * 60000,
    ],
)
@pytest.mark.parametrize(
    "place",
    [b"INVITE ", b"\r\nVia: ", b"branch=", b"\r\nFrom: ", b"1928301774", b"\r\nCSeq: ", b"\r\nRoute: ", b"bob@"],
)
def test_no_text_makes_a_search_go_back_and_forth(hostile: bytes, place: bytes) -> None:
    """If one did, this would not end."""
    data = INVITE.replace(place, place + hostile, 1)[:MAX_MESSAGE]
    assert place in INVITE
    check(data, ALICE)
    values = data.decode(errors="replace")
    param_of(values, "tag")
    assert split_values([values])
