"""The words of rtpengine's flags, and requests made of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engines.kind import Untranslatable
from engines.media_request import MediaRequest
from engines.ng.bencode import NgDict, NgValue
from engines.ng.brackets import MAX_DEPTH, MAX_LENGTH
from engines.rtpengine.flags import read
from engines.rtpengine.kind import RtpengineKind
from events.names import BranchId, Tag
from events.verb import Verb

OFFER = MediaRequest(verb=Verb.OFFER, from_tag=Tag("ft"), sdp=b"v=0\r\n")
PLAIN: NgDict = {b"command": b"offer", b"from-tag": b"ft", b"sdp": b"v=0\r\n"}
KIND = RtpengineKind()


@pytest.mark.parametrize(
    ("words", "request_"),
    [
        (b"", {}),
        (b"  ", {}),
        (b"trust-address  asymmetric", {b"flags": [b"trust-address", b"asymmetric"]}),
        (b"symmetric force loop-protect", {b"flags": [b"symmetric", b"force", b"loop-protect"]}),
        (b"SIP-source-address never-heard-of", {b"flags": [b"SIP-source-address", b"never-heard-of"]}),
        (b"force force", {b"flags": [b"force"]}),
        (b"transcode-PCMA codec-mask-G722", {b"flags": [b"transcode-PCMA", b"codec-mask-G722"]}),
        (b"SDES-no-NULL_HMAC_SHA1_32 OSRTP-accept", {b"flags": [b"SDES-no-NULL_HMAC_SHA1_32", b"OSRTP-accept"]}),
        (b"record-call", {b"flags": [b"record-call"]}),
        (b"replace-origin replace-session-connection", {b"replace": [b"origin", b"session-connection"]}),
        (b"replace-zero-address replace-username", {b"replace": [b"zero address", b"username"]}),
        (b"replace-session-name replace-SDP-version", {b"replace": [b"session name", b"SDP version"]}),
        (b"rtcp-mux-demux rtcp-mux-offer", {b"rtcp-mux": [b"demux", b"offer"]}),
        (b"rtcp-mux-require rtcp-mux-reject rtcp-mux-accept", {b"rtcp-mux": [b"require", b"reject", b"accept"]}),
        (b"ICE=force DTLS=passive SDES=off", {b"ICE": b"force", b"DTLS": b"passive", b"SDES": b"off"}),
        (b"ICE=remove ICE=force", {b"ICE": b"force"}),
        (b"record-call=yes label=caller", {b"record-call": b"yes", b"label": b"caller"}),
        (b"ptime=30 media-address=192.0.2.1", {b"ptime": b"30", b"media-address": b"192.0.2.1"}),
        (b"codec-strip=PCMA x=a=b", {b"codec-strip": b"PCMA", b"x": b"a=b"}),
        (b"delete-delay=30 repacketize=20", {b"delete-delay": 30, b"repacketize": 20}),
        (b"address-family=IP6", {b"address-family": b"IP6"}),
        (b"received-from=2001:db8::1", {b"received-from": [b"IP6", b"2001:db8::1"]}),
        (b"in-iface=lan out-iface=wan", {b"direction": [b"lan", b"wan"]}),
        (b"external internal", {b"direction": [b"external", b"internal"]}),
        (b"direction=a direction=b", {b"direction": [b"a", b"b"]}),
        (b"direction=[a b]", {b"direction": [b"a", b"b"]}),
        (b"via-branch=auto", {}),
        (b"via-branch=br7", {b"via-branch": b"br7"}),
        (b"via-branch-param=1", {b"via-branch": b"1"}),
        (b"to-tag", {b"flags": [b"to-tag"]}),
        (b"x-empty=", {b"x-empty": b""}),
    ],
)
def test_words(words: bytes, request_: NgDict) -> None:
    assert read(words) == request_


@pytest.mark.parametrize(
    ("words", "transport"),
    [
        (b"RTP", b"RTP/AVP"),
        (b"AVP", b"RTP/AVP"),
        (b"SRTP", b"RTP/SAVP"),
        (b"AVPF", b"RTP/AVPF"),
        (b"SRTP AVPF", b"RTP/SAVPF"),
        (b"RTP AVPF", b"RTP/AVPF"),
        (b"RTP/AVP", b"RTP/AVP"),
        (b"RTP/AVPF", b"RTP/AVPF"),
        (b"RTP/SAVP", b"RTP/SAVP"),
        (b"RTP/SAVPF", b"RTP/SAVPF"),
        (b"RTP/SAVPF SRTP AVPF", b"RTP/SAVPF"),
        (b"UDP/TLS/RTP/SAVP", b"UDP/TLS/RTP/SAVP"),
        (b"UDP/TLS/RTP/SAVPF SRTP", b"UDP/TLS/RTP/SAVPF"),
    ],
)
def test_transports(words: bytes, transport: bytes) -> None:
    assert read(words) == {b"transport-protocol": transport}


@pytest.mark.parametrize(
    "words",
    [b"RTP SRTP", b"AVP AVPF", b"RTP/AVP RTP/SAVP", b"RTP/SAVPF RTP", b"RTP/SAVP UDP/TLS/RTP/SAVP", b"RTP/AVP SRTP"],
)
def test_transports_that_contradict_each_other_are_refused(words: bytes) -> None:
    with pytest.raises(Untranslatable, match=f"flags: {words.split()[1].decode()} contradicts another transport"):
        read(words)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (b"media-address", "media-address needs a value"),
        (b"in-iface= out-iface=wan", "in-iface needs a value"),
        (b"in-iface=lan", "iface: lan: a direction has two interfaces"),
        (b"internal", "iface: internal: a direction"),
        (b"internal external internal", "a direction has two interfaces"),
        (b"delete-delay=soon", "delete-delay: soon is not a number"),
        (b"address-family=IP5", "address-family: IP5 is neither"),
        (b"received-from=example.org", "received-from: example.org is not an IP address"),
        (b"call-id=x", "call-id: set callid of the call's context"),
        (b"callid=x", "callid: set callid"),
        (b"from-tag=x", "from-tag: set from_tag"),
        (b"to-tag=x", "to-tag: set to_tag"),
        (b"sdp=x", "sdp: set body of the leg"),
        (b"command=delete", "command: what is asked"),
        (b"force-answer", "force-answer: what is an offer"),
        (b"codec=[strip=[PCMA]", "a bracket is not closed"),
        (b"codec=[strip]] x", "a bracket is closed that was not opened"),
        (b"codec=[strip=[PCMA] all]", "'all' has no value"),
        (b"x=" + b"[" * (MAX_DEPTH + 2) + b"]" * (MAX_DEPTH + 2), "more than 8 brackets"),
        (b"x=[" + b"y" * MAX_LENGTH + b"]", "or than 4096 bytes"),
    ],
)
def test_what_cannot_be_meant_is_refused(words: bytes, why: str) -> None:
    with pytest.raises(Untranslatable, match=why):
        read(words)


@pytest.mark.parametrize(
    ("value", "read_"),
    [
        (b"[]", []),
        (b"[video message]", [b"video", b"message"]),
        (b"[[a b] c]", [[b"a", b"b"], b"c"]),
        (b"[transcode=[PCMA  PCMU] strip=[EVS]]", {b"transcode": [b"PCMA", b"PCMU"], b"strip": [b"EVS"]}),
        (b"[audio=[add=[fmtp:96..useinbandfec--1]]]", {b"audio": {b"add": [b"fmtp:96 useinbandfec=1"]}}),
        (b"[[a=b] c]", [{b"a": b"b"}, b"c"]),
        (b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), [[[[[[[[[]]]]]]]]]),
        (b"plain--..", b"plain--.."),
    ],
)
def test_values_in_brackets(value: bytes, read_: NgValue) -> None:
    assert read(b"first key=%s last" % value) == {b"key": read_, b"flags": [b"first", b"last"]}


def test_an_offer_with_all_that_legs_can_have() -> None:
    media = replace(
        OFFER,
        to_tag=Tag("tt"),
        branch=BranchId("br1"),
        ctx_flags="replace-origin",
        flags="trust-address",
        peer="ICE=remove",
        type="SRTP",
        in_iface="lan",
        out_iface="wan",
        ip="192.0.2.9",
        received_from="10.0.0.1",
    )
    assert KIND.request(media).words == {
        **PLAIN,
        b"to-tag": b"tt",
        b"via-branch": b"br1",
        b"replace": [b"origin"],
        b"flags": [b"trust-address"],
        b"ICE": b"remove",
        b"transport-protocol": b"RTP/SAVP",
        b"direction": [b"lan", b"wan"],
        b"media-address": b"192.0.2.9",
        b"received-from": [b"IP4", b"10.0.0.1"],
    }


@pytest.mark.parametrize(
    ("media", "added"),
    [
        (OFFER, {}),
        (replace(OFFER, type="rtp/savpf"), {b"transport-protocol": b"RTP/SAVPF"}),
        (replace(OFFER, type="srtp avpf"), {b"transport-protocol": b"RTP/SAVPF"}),
        (replace(OFFER, type="WebRTC"), {b"flags": [b"WebRTC"]}),
        (replace(OFFER, in_iface="lan", out_iface="wan", flags="out-iface=dmz"), {b"direction": [b"lan", b"dmz"]}),
        (replace(OFFER, received_from="10.0.0.1", flags="received-from=::1"), {b"received-from": [b"IP6", b"::1"]}),
        (replace(OFFER, ip="192.0.2.9", flags="media-address=192.0.2.9"), {b"media-address": b"192.0.2.9"}),
        (replace(OFFER, ctx_flags="ICE=remove", flags="ICE=force"), {b"ICE": b"force"}),
    ],
)
def test_requests(media: MediaRequest, added: NgDict) -> None:
    assert KIND.request(media).words == PLAIN | added


@pytest.mark.parametrize(
    ("media", "why"),
    [
        (replace(OFFER, type="SRTP", peer="RTP/AVP"), "RTP/AVP contradicts another transport in type or flags"),
        (replace(OFFER, in_iface="lan"), "iface: lan: a direction has two interfaces"),
        (replace(OFFER, ip="192.0.2.9", flags="media-address=192.0.2.8"), "media-address is not 192.0.2.9"),
        (replace(OFFER, branch=BranchId("br1"), flags="via-branch=br2"), "via-branch is not br1"),
        (replace(OFFER, received_from="nowhere"), "received-from: nowhere"),
    ],
)
def test_requests_that_are_refused(media: MediaRequest, why: str) -> None:
    with pytest.raises(Untranslatable, match=why):
        KIND.request(media)


@pytest.mark.parametrize(
    ("media", "request_"),
    [
        (MediaRequest(verb=Verb.DELETE, from_tag=Tag("ft"), to_tag=Tag("tt")), {}),
        (
            MediaRequest(verb=Verb.DELETE, from_tag=Tag("ft"), to_tag=Tag("tt"), branch=BranchId("br1")),
            {b"from-tag": b"ft", b"via-branch": b"br1"},
        ),
        (
            MediaRequest(verb=Verb.DELETE, from_tag=Tag("ft"), to_tag=Tag("tt"), delete="to-tag"),
            {b"from-tag": b"ft", b"to-tag": b"tt", b"flags": [b"to-tag"]},
        ),
        (
            MediaRequest(
                verb=Verb.DELETE, from_tag=Tag("ft"), ctx_delete="fatal", delete="delete-delay=0", flags="ignored"
            ),
            {b"flags": [b"fatal"], b"delete-delay": 0},
        ),
    ],
)
def test_deletes(media: MediaRequest, request_: NgDict) -> None:
    assert KIND.request(media).words == {b"command": b"delete", **request_}


def test_a_request_may_be_changed_without_another_of_the_same_settings() -> None:
    media = replace(OFFER, flags="force")
    request = KIND.request(media).words
    request[b"flags"] = b"other"
    assert KIND.request(media).words == {**PLAIN, b"flags": [b"force"]}
