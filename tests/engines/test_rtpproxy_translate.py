from __future__ import annotations

import pytest

from engines.kind import Untranslatable
from engines.ng.bencode import NgDict, NgValue
from engines.rtpproxy.commands import StreamOptions
from engines.rtpproxy.translate import Translation, translate
from engines.sdp.address import MediaAddress
from engines.sdp.rewrite import RewriteRules
from engines.sdp.session import parse
from tests.engines.sdp_bodies import AUDIO, TWO_STREAMS

SOURCE: NgDict = {b"received-from": [b"IP4", b"192.0.2.77"]}
SECURE = AUDIO.replace(b"RTP/AVP", b"RTP/SAVP")
MUXED = AUDIO + b"a=rtcp-mux\r\n"


def translated(request: NgDict, body: bytes = AUDIO) -> Translation:
    return translate(request, parse(body))


def host(request: NgDict, body: bytes = AUDIO) -> bytes:
    sdp = parse(body)
    return translate(request, sdp).host_of(sdp, sdp.streams[0]).host


def test_an_empty_request_asks_for_nothing() -> None:
    assert translated({}) == Translation(
        options=StreamOptions(), source=None, media_address=None, family=None, rules=RewriteRules()
    )


@pytest.mark.parametrize(
    ("request_", "letters"),
    [
        ({b"direction": [b"internal", b"external"]}, "ie"),
        ({b"direction": [b"pub", b"PRIV"]}, "ei"),
        ({b"direction": [b"external", b"external"]}, "ee"),
        ({b"direction": [b"internal", b"int"]}, ""),
        ({b"direction": [b"dmz", b"dmz"]}, ""),
        ({b"from-interface": b"pub", b"to-interface": b"priv"}, "ei"),
        ({}, ""),
    ],
)
def test_direction(request_: NgDict, letters: str) -> None:
    assert translated(request_).options.interfaces == letters


@pytest.mark.parametrize("names", [[b"dmz", b"external"], [b"a", b"b"], [b"internal"], b"internal", [1, 2]])
def test_a_direction_that_tells_nothing_is_refused(names: NgValue) -> None:
    with pytest.raises(Untranslatable, match="direction: "):
        translated({b"direction": names})


@pytest.mark.parametrize(
    ("flags", "asymmetric"),
    [([b"asymmetric"], True), ([b"symmetric"], False), ([], None), ([b"loop-protect", b"strict-source"], None)],
)
def test_symmetry(flags: list[NgValue], asymmetric: bool | None) -> None:
    assert translated({b"flags": flags}).options.asymmetric is asymmetric


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ({}, b"10.0.0.1"),
        (SOURCE, b"192.0.2.77"),
        ({**SOURCE, b"flags": [b"trust-address"]}, b"10.0.0.1"),
        ({**SOURCE, b"flags": [b"trust address"]}, b"10.0.0.1"),
        ({**SOURCE, b"flags": [b"trust-address", b"SIP-source-address"]}, b"192.0.2.77"),
        ({b"flags": [b"SIP-source-address"]}, b"10.0.0.1"),
    ],
)
def test_which_address_the_node_is_given(request_: NgDict, expected: bytes) -> None:
    assert host(request_) == expected


def test_a_stream_on_hold_is_given_as_it_is() -> None:
    assert host(SOURCE, AUDIO.replace(b"IP4 10.0.0.1\r\nt", b"IP4 0.0.0.0\r\nt")) == b"0.0.0.0"


def test_a_name_in_the_sdp_needs_the_source_address() -> None:
    named = AUDIO.replace(b"IP4 10.0.0.1\r\nt", b"IP4 host.example.com\r\nt")
    assert host(SOURCE, named) == b"192.0.2.77"
    with pytest.raises(Untranslatable, match="received-from"):
        host({}, named)


def test_what_is_changed_in_the_sdp() -> None:
    request: NgDict = {
        b"replace": [b"origin", b"session connection", b"zero-address", b"SDP-version"],
        b"ICE": b"remove",
        b"media address": b"203.0.113.9",
        b"address-family": b"ip6",
    }
    found = translated(request)
    assert found.rules == RewriteRules(origin=True, session_connection=True, zero_address=True)
    assert found.media_address == MediaAddress(b"IP4", b"203.0.113.9")
    assert found.family == b"IP6"


@pytest.mark.parametrize(
    ("request_", "key"),
    [
        ({b"received-from": [b"IP4", b"nowhere"]}, "received-from"),
        ({b"received-from": []}, "received-from"),
        ({b"media-address": b"host"}, "media-address"),
        ({b"address-family": b"IPX"}, "address-family"),
        ({b"transport-protocol": b"RTP/SAVPF"}, "transport-protocol rtp/savpf"),
        ({b"ICE": b"force"}, "ice force"),
        ({b"ICE": b"force_relay"}, "ice force-relay"),
        ({b"codec": {b"transcode": [b"opus"]}}, "codec"),
        ({b"record call": b"yes"}, "record-call yes"),
        ({b"ptime": 20}, "ptime"),
        ({b"T.38": [b"decode"]}, "t.38 decode"),
        ({b"OSRTP": [b"accept"]}, "osrtp accept"),
        ({b"rtpp-flags": b"replace-origin"}, "rtpp-flags"),
        ({b"flags": [b"loop-protect", b"always-transcode"]}, "flags always-transcode"),
        ({b"flags": [b"inject DTMF"]}, "flags inject-dtmf"),
        ({b"rtcp-mux": [b"offer"]}, "rtcp-mux offer"),
    ],
)
def test_what_is_impossible_is_refused_by_name(request_: NgDict, key: str) -> None:
    with pytest.raises(Untranslatable) as error:
        translated(request_)
    assert str(error.value).startswith(key)


@pytest.mark.parametrize(
    ("body", "request_"),
    [
        (SECURE, {b"DTLS": b"off"}),
        (SECURE, {b"SDES": [b"off"]}),
        (SECURE, {b"transport-protocol": b"RTP/AVP"}),
        (MUXED, {b"rtcp-mux": [b"demux"]}),
        (AUDIO.replace(b"4000", b"4000/2"), {}),
    ],
)
def test_what_is_impossible_for_this_sdp_is_refused(body: bytes, request_: NgDict) -> None:
    with pytest.raises(Untranslatable):
        translated(request_, body)


@pytest.mark.parametrize(
    ("body", "request_"),
    [
        (AUDIO, {b"DTLS": b"off", b"SDES": [b"off"], b"transport-protocol": b"RTP/AVP", b"rtcp-mux": [b"demux"]}),
        (MUXED, {b"rtcp-mux": [b"offer", b"require"]}),
        (SECURE, {b"transport-protocol": b"RTP/SAVP"}),
        (AUDIO, {b"ICE": b"default", b"record call": b"no", b"codec": {}, b"supports": [b"load limit"]}),
        (AUDIO, {b"label": b"x", b"via-branch": b"br1", b"delete delay": 0, b"something new": 1}),
        (TWO_STREAMS.replace(b"audio 0 RTP/AVP", b"message 0 TCP/MSRP"), {}),
    ],
)
def test_what_asks_for_nothing_is_let_through(body: bytes, request_: NgDict) -> None:
    assert translated(request_, body).rules == RewriteRules()
