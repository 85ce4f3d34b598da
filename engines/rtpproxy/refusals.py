"""What an ng request can ask for and an rtpproxy cannot do.

An rtpproxy passes packets on and does not look into them: no other codec, no other transport, no encryption, no ICE,
no DTMF. To go on without what was asked would give calls without sound, or without the encryption that was wanted; so
it is refused, and the message says what the operator can do.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from engines.kind import Untranslatable
from engines.ng.bencode import NgValue
from engines.refusal import RefusalCode
from engines.rtpproxy.words import unserved, words_of
from engines.sdp.session import Sdp, Stream

_LEAVE_OUT = "leave it out, or use a set of rtpengine nodes"
_OFF = frozenset({b"no", b"off", b"disable", b"disabled", b"default"})

HARMLESS_VALUES: Mapping[bytes, frozenset[bytes]] = MappingProxyType(
    {
        b"ice": frozenset({b"remove", b"default", b"optional"}),
        b"ice-lite": _OFF,
        b"osrtp": frozenset({b"reject"}) | _OFF,
        b"record-call": _OFF,
        b"media-echo": _OFF,
        b"audio-player": _OFF,
        b"codec": frozenset(),
        b"ptime": frozenset(),
        b"ptime-reverse": frozenset(),
        b"t.38": frozenset(),
        b"bundle": frozenset(),
        b"extmap": frozenset(),
        b"sdp-attr": frozenset(),
        b"delay-buffer": frozenset(),
        b"drop-traffic": frozenset(),
        b"dtmf-security": frozenset(),
        b"dtmf-delay": frozenset(),
        b"dtls-fingerprint": frozenset(),
        b"template": frozenset(),
        b"rtpp-flags": frozenset(),
    }
)
"""Keys that an rtpproxy cannot serve, each with the values that ask for nothing. (`rtpp-flags` and `template` stand
for options that only an rtpengine can read.)"""

REFUSED_FLAGS = frozenset(
    {
        b"always-transcode",
        b"force-transcoding",
        b"single-codec",
        b"static-codecs",
        b"inject-dtmf",
        b"detect-dtmf",
        b"block-dtmf",
        b"block-media",
        b"block-egress",
        b"silence-media",
        b"record-call",
        b"recording-announcement",
        b"generate-rtcp",
        b"rtcp-mirror",
        b"mix",
        b"recrypt",
        b"webrtc",
        b"fragment",
        b"trickle-ice",
        b"reject-ice",
        b"generate-mid",
        b"strip-extmap",
    }
)
"""Flags that an rtpproxy cannot serve."""


def refuse(options: Mapping[bytes, NgValue], sdp: Sdp) -> None:
    """Raise Untranslatable if the options (see `words.normalised`) ask for something that is impossible here."""
    for key, words in unserved(options, HARMLESS_VALUES, REFUSED_FLAGS):
        raise _refusal(key, words)
    for stream in sdp.live_streams:
        _refuse_for(stream, options)


def _refuse_for(stream: Stream, options: Mapping[bytes, NgValue]) -> None:
    """Refuse what cannot be done for this stream."""
    transport = stream.transport.upper()
    if stream.port_count > 1:
        raise _unfit(f"sdp: an rtpproxy relays one port a stream, and one asks for {stream.port_count}")
    wanted = words_of(options, b"transport-protocol") - {transport.lower()}
    if wanted and b"RTP/" in transport:
        raise _refusal(b"transport-protocol", wanted, f"the SDP has {transport.decode('ascii', 'replace')}; ")
    if b"SAVP" in transport:
        for key in (b"dtls", b"sdes"):
            if options.get(key):
                raise _refusal(key, words_of(options, key), "keys are negotiated past an rtpproxy; ")
    _refuse_mux(stream, words_of(options, b"rtcp-mux"))


def _refuse_mux(stream: Stream, words: frozenset[bytes]) -> None:
    """Refuse to put RTCP on another port than the SDP does."""
    impossible = {b"demux", b"reject"} if stream.has(b"rtcp-mux") else {b"offer", b"require"}
    if words & impossible:
        raise _refusal(b"rtcp-mux", words & impossible, "the SDP asks for the opposite; ")


def _unfit(why: str) -> Untranslatable:
    return Untranslatable(why, RefusalCode.NOT_ACCEPTABLE)


def _refusal(key: bytes, words: frozenset[bytes], why: str = "") -> Untranslatable:
    name = key.decode()
    asked = b", ".join(sorted(words)).decode("ascii", "backslashreplace")
    return Untranslatable(f"{name}{' ' if asked else ''}{asked}: not something an rtpproxy can do; {why}{_LEAVE_OUT}")
