"""Each kind of relay says by a code why it refuses: what lasts, and what may go well elsewhere or later."""

from __future__ import annotations

import pytest

from engines.kind import Operation, Untranslatable
from engines.ng.bencode import NgDict, encode
from engines.refusal import RefusalCode
from engines.registry import KINDS
from engines.reply import NodeReply
from engines.request import NodeRequest
from events.names import RelayId
from events.verb import Verb

SDP = (
    b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
    b"m=audio 4000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
)
NOT_READABLE = {
    "no SDP": b"hello",
    "a line that is none": SDP + b"x-foo=bar\r\n",
    "a port that is none": SDP.replace(b"4000", b"70000"),
    "no address": SDP.replace(b"c=IN IP4 192.0.2.1\r\n", b""),
}
NOT_POSSIBLE = {
    "two ports": SDP.replace(b"4000", b"4000/2"),
    "a host name": SDP.replace(b"c=IN IP4 192.0.2.1", b"c=IN IP4 media.example.com"),
}


def ask(kind: str, sdp: bytes, *answers: bytes, **more: bytes) -> RefusalCode:
    """Return the code of how an offer ends that the node answers so."""
    request: NgDict = {b"command": b"offer", b"from-tag": b"a", b"sdp": sdp}
    request |= {key.replace("_", "-").encode(): value for key, value in more.items()}
    try:
        exchange = KINDS[kind].perform(Operation(verb=Verb.OFFER, relay_id=RelayId("c"), request=NodeRequest(request)))
        next(exchange)
        exchange.send(list(answers))
    except Untranslatable as error:
        return error.code
    except StopIteration as end:
        reply: NodeReply = end.value
        assert reply.code is not None
        return reply.code
    raise AssertionError("it goes on")


@pytest.mark.parametrize("kind", ["rtpproxy", "mediaproxy"])
@pytest.mark.parametrize("body", NOT_READABLE)
def test_a_session_description_that_cannot_be_read(kind: str, body: str) -> None:
    assert ask(kind, NOT_READABLE[body]) is RefusalCode.BAD_SDP


@pytest.mark.parametrize("kind", ["rtpproxy", "mediaproxy"])
@pytest.mark.parametrize("body", NOT_POSSIBLE)
def test_media_that_the_kind_cannot_relay(kind: str, body: str) -> None:
    assert ask(kind, NOT_POSSIBLE[body]) is RefusalCode.NOT_ACCEPTABLE


@pytest.mark.parametrize("kind", ["rtpproxy", "mediaproxy"])
def test_what_is_asked_beside_the_media(kind: str) -> None:
    assert ask(kind, SDP, ICE=b"force") is RefusalCode.BAD_SETTINGS


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("Failed to parse SDP", RefusalCode.BAD_SDP),
        ("Incomplete SDP specification", RefusalCode.BAD_SDP),
        ("No SDP body in message", RefusalCode.BAD_SDP),
        ("Load limit exceeded", RefusalCode.FULL),
        ("Parallel session limit reached", RefusalCode.NO_ROOM),
        ("Ran out of ports", RefusalCode.NO_ROOM),
        ("Unknown call-ID", RefusalCode.UNKNOWN_SESSION),
        ("something else", RefusalCode.REFUSED),
    ],
)
def test_an_rtpengines_words(words: str, code: RefusalCode) -> None:
    assert ask("rtpengine", SDP, encode({b"result": b"error", b"error-reason": words.encode()})) is code


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (b"E72", RefusalCode.NO_ROOM),
        (b"E98", RefusalCode.FULL),
        (b"E50", RefusalCode.UNKNOWN_SESSION),
        (b"E36", RefusalCode.REFUSED),
    ],
)
def test_an_rtpproxys_numbers(reply: bytes, code: RefusalCode) -> None:
    assert ask("rtpproxy", SDP, reply) is code


def test_only_what_lasts_is_not_asked_of_another_node() -> None:
    lasting = {RefusalCode.BAD_SDP, RefusalCode.NOT_ACCEPTABLE, RefusalCode.BAD_SETTINGS}
    assert {code for code in RefusalCode if code.is_lasting} == lasting
