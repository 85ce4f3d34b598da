"""Two session descriptions against each other."""

from __future__ import annotations

import random
import re

import pytest

from engines.sdp.differences import Aspect, differences
from tests.engines import sdp_bodies

RICH = (
    b"v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\na=group:BUNDLE 1 2\r\n"
    b"a=fingerprint:sha-256 AB:CD\r\n"
    b"m=audio 4000 RTP/SAVPF 111 0\r\na=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10;useinbandfec=1\r\n"
    b"a=ptime:20\r\na=setup:actpass\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:aaaa\r\n"
    b"a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\n"
    b"a=candidate:1 1 UDP 2130706431 10.0.0.1 4000 typ host\r\na=rtcp-mux\r\na=rtcp:4001\r\na=sendrecv\r\n"
    b"m=video 5000 RTP/SAVPF 96\r\na=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack\r\na=setup:actpass\r\n"
)
BODIES = [
    RICH,
    *(sdp_bodies.AUDIO, sdp_bodies.TWO_STREAMS, sdp_bodies.OWN_CONNECTIONS, sdp_bodies.WITH_TCP, sdp_bodies.ICE),
]

CHANGES = [
    (b"m=video 5000 RTP/SAVPF 96\r\n", b"", Aspect.MEDIA, "m= lines"),
    (b"m=video 5000", b"m=video 0", Aspect.MEDIA, "port"),
    (b"m=video 5000", b"m=image 5000", Aspect.MEDIA, "medium"),
    (b"m=audio 4000 RTP/SAVPF", b"m=audio 4000 RTP/AVP", Aspect.MEDIA, "transport"),
    (b"c=IN IP4 10.0.0.1", b"c=IN IP6 2001:db8::1", Aspect.MEDIA, "address family"),
    (b"a=group:BUNDLE 1 2\r\n", b"", Aspect.MEDIA, "groups"),
    (b" 111 0\r\n", b" 0 111\r\n", Aspect.CODECS, "payload types"),
    (b"opus/48000/2", b"opus/48000", Aspect.CODECS, "codecs"),
    (b"useinbandfec=1", b"useinbandfec=0", Aspect.CODECS, "fmtp"),
    (b"a=ptime:20", b"a=ptime:30", Aspect.CODECS, "ptime"),
    (b"AES_CM_128_HMAC_SHA1_80", b"AES_CM_128_HMAC_SHA1_32", Aspect.CRYPTO, "SDES suites"),
    (b"a=fingerprint:sha-256 AB:CD\r\n", b"", Aspect.CRYPTO, "DTLS fingerprint"),
    (b"a=setup:actpass", b"a=setup:active", Aspect.CRYPTO, "DTLS setup"),
    (b"a=ice-ufrag:abcd\r\n", b"", Aspect.ICE, "ufrag"),
    (b"s=-\r\n", b"s=-\r\na=ice-lite\r\n", Aspect.ICE, "lite"),
    (b"4000 typ host", b"4000 typ relay", Aspect.ICE, "candidates"),
    (b"a=rtcp-mux\r\n", b"", Aspect.RTCP, "rtcp-mux"),
    (b"a=rtcp:4001\r\n", b"", Aspect.RTCP, "a=rtcp"),
    (b"a=rtcp-fb:96 nack\r\n", b"", Aspect.RTCP, "feedback"),
    (b"a=sendrecv", b"a=recvonly", Aspect.DIRECTION, "direction"),
]
"""What is replaced by what, and how the difference is to be named."""

OWN = [
    (rb"10\.0\.0\.1", b"192.0.2.9"),
    (rb"(m=\w+ )4000", rb"\g<1>30000"),
    (rb"inline:\S+", b"inline:bbbb"),
    (rb"AB:CD", b"01:23"),
    (rb"ice-ufrag:\S+", b"ice-ufrag:wxyz"),
    (rb"o=(\S+) 1 1", rb"o=\g<1> 77 3"),
    (rb"minptime=10;useinbandfec=1", b"useinbandfec=1; minptime=10"),
    (rb"a=rtpmap:0 PCMU/8000\r\n", b""),
    (rb"\r\n", b"\n"),
]
"""What each relay has of its own, and is no difference."""


@pytest.mark.parametrize("body", BODIES)
def test_a_session_description_is_like_itself(body: bytes) -> None:
    assert differences(body, body) == []


@pytest.mark.parametrize(("old", "new", "aspect", "what"), CHANGES)
def test_each_kind_of_change_is_named(old: bytes, new: bytes, aspect: Aspect, what: str) -> None:
    changed = RICH.replace(old, new, 1) if what != "m= lines" else RICH[: RICH.index(old)]
    found = [(one.aspect, one.what) for one in differences(RICH, changed)]
    assert (aspect, what) in found
    back = [(one.aspect, one.what, one.recorded, one.given) for one in differences(changed, RICH)]
    assert sorted(back) == sorted((one.aspect, one.what, one.given, one.recorded) for one in differences(RICH, changed))


def test_what_is_of_each_relay_is_no_difference() -> None:
    dice = random.Random(20)
    for _ in range(200):
        body = changed = dice.choice(BODIES)
        for pattern, new in dice.sample(OWN, dice.randint(1, len(OWN))):
            changed = re.sub(pattern, new, changed)
        assert differences(body, changed) == [], changed


def test_several_changes_are_all_named() -> None:
    dice = random.Random(21)
    single = [change for change in CHANGES if change[3] not in ("m= lines", "port", "medium")]
    for _ in range(200):
        changed, expected = RICH, set()
        for old, new, aspect, what in dice.sample(single, dice.randint(1, 6)):
            changed = changed.replace(old, new, 1)
            expected |= {(aspect, what)} | ({(Aspect.CODECS, "codecs")} if what == "payload types" else set())
        assert {(one.aspect, one.what) for one in differences(RICH, changed)} == expected


def test_a_rejected_stream_has_no_other_difference() -> None:
    (found,) = differences(RICH, RICH.replace(b"m=video 5000 RTP/SAVPF 96", b"m=video 0 RTP/AVP 0"))
    assert (found.what, found.recorded, found.given, found.stream) == ("port", "open", "rejected", 2)


def test_what_is_no_session_description_is_told() -> None:
    (found,) = differences(RICH, b"nothing")
    assert (found.aspect, found.what, found.recorded) == (Aspect.MEDIA, "readable", "yes")
    assert differences(b"nothing", b"nothing") == []
    assert differences(b"nothing", RICH)[0].given == "yes"
