"""What is refused at the ng door since it is not well-formed."""

from __future__ import annotations

import pytest

from engines.ng.bencode import NgDict, NgValue
from engines.request import NodeRequest
from events.verb import Verb
from gateways.ng.request import RefusedRequest, command_of
from gateways.ng.wellformed import MAX_ITEMS, MAX_TEXT
from tests.engines.sdp_bodies import AUDIO, ICE, OWN_CONNECTIONS, TWO_STREAMS, WITH_TCP

OFFER: NgDict = {
    b"command": b"offer",
    b"call-id": b"c",
    b"from-tag": b"f",
    b"sdp": AUDIO,
    b"flags": [b"trust-address"],
    b"replace": b"origin",
    b"received-from": [b"IP4", b"127.0.0.1"],
    b"codec": {b"strip": [b"PCMA"]},
    b"sdp-attr": {b"audio": {b"add": [b"x"], b"substitute": [[b"a", b"b"]]}},
    b"something new": {b"x": [1, 2, {b"y": b"z"}]},
    b"delete delay": 0,
    b"TOS": b"184",
}


def refused(request: NgDict, verb: Verb = Verb.OFFER) -> str:
    with pytest.raises(RefusedRequest) as error:
        command_of(verb, request, "default", 0)
    return str(error.value)


@pytest.mark.parametrize(
    "sdp", [AUDIO, TWO_STREAMS, OWN_CONNECTIONS, ICE, WITH_TCP, AUDIO + b"a=rtcp:\r\n", AUDIO + b"\r\n"]
)
def test_what_servers_send_is_passed_on_as_it_is(sdp: bytes) -> None:
    request = {**OFFER, b"sdp": sdp}
    assert command_of(Verb.OFFER, request, "default", 0).request == NodeRequest(request)


@pytest.mark.parametrize(
    ("key", "value", "complaint"),
    [
        (b"sdp", 1, "No SDP body in message"),
        (b"sdp", b"", "No SDP body in message"),
        (b"from-tag", b"", "No from-tag in message"),
        (b"to-tag", [b"t"], "Invalid to-tag: not a string"),
        (b"to-tag", b"\xff", "Invalid to-tag: not UTF-8"),
        (b"to-tag", b"f", "Invalid to-tag: the same as the from-tag"),
        (b"via-branch", {}, "Invalid via-branch: not a string"),
        (b"flags", 1, "Invalid flags: not a string or a list of strings"),
        (b"flags", [b"a", 1], "Invalid flags: not a string or a list of strings"),
        (b"received-from", [[b"IP4"]], "Invalid received-from: not a string or a list of strings"),
        (b"TOS", b"high", "Invalid TOS: not a number"),
        (b"delete-delay", {}, "Invalid delete-delay: not a number"),
        (b"TOS", 2**64, "Invalid TOS: a number beyond 53 bits"),
        (b"label", b"x" * (MAX_TEXT + 1), "Invalid label: longer than"),
        (b"media", [{b"x": b"y" * (MAX_TEXT + 1)}], "Invalid media: longer than"),
        (b"media", [b""] * (MAX_ITEMS + 1), "Invalid media: more than"),
        (b"media", [[[[[[[]]]]]]], "Invalid media: nested too deep"),
        (b"", b"x", "Invalid key: not the name of a key"),
        (b"\xff", b"x", "not the name of a key"),
        (b"media", {b"\0": 1}, "Invalid media: not the name of a key"),
    ],
)
def test_a_value_that_is_not_what_it_is_to_be_is_named(key: bytes, value: NgValue, complaint: str) -> None:
    assert complaint in refused({**OFFER, key: value})


@pytest.mark.parametrize(
    "sdp",
    [
        b"hello",
        b"v=1\r\n",
        b"\r\n",
        AUDIO.replace(b"\r\n", b"\r"),
        AUDIO.replace(b"4000", b"port"),
        AUDIO.replace(b"4000", b"70000"),
        AUDIO.replace(b" RTP/AVP 0 8", b""),
        AUDIO.replace(b"c=IN IP4", b"c=IN"),
        AUDIO.replace(b"o=alice 1 1", b"o="),
        AUDIO.replace(b"sendrecv", b"send\0recv"),
        AUDIO + b"no line\r\n",
        b"\r\n" + AUDIO,
        b"\n" + AUDIO,
        AUDIO.replace(b"t=0 0", b"\r\nt=0 0"),
        AUDIO.replace(b"t=0 0\r\n", b"t=0 0\r"),
        AUDIO.partition(b"m=")[0],
        AUDIO.replace(b"s=-", b"c=IN IP4 10.0.0.2\r\ns=-"),
        AUDIO.replace(b"t=0 0", b"c=IN IP4 10.0.0.2\r\nt=0 0"),
        b"--boundary\r\n\r\n" + AUDIO,
    ],
)
def test_an_sdp_that_is_none_is_refused_with_its_line(sdp: bytes) -> None:
    assert refused({**OFFER, b"sdp": sdp}).startswith("Failed to parse SDP: line ")
