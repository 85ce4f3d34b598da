"""What an ng request can ask for and MediaProxy cannot do.

Its relays pass packets on and do not look into them: no other codec, transport or encryption, no recording, no DTMF.
They relay UDP over IPv4, have one address each, and always learn where a party is from the packets it sends. To go on
without what was asked would give calls without sound, or without the encryption that was wanted; so it is refused.
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
_OFF = frozenset(b"no off disable disabled default".split())
_NEVER: frozenset[bytes] = frozenset()

HARMLESS_VALUES: Mapping[bytes, frozenset[bytes]] = MappingProxyType(
    {
        b"ice": frozenset(b"remove default optional".split()),
        b"endpoint-learning": frozenset(b"delayed immediate heuristic".split()),
        b"osrtp": _OFF | {b"reject"},
        **dict.fromkeys(b"ice-lite record-call media-echo audio-player".split(), _OFF),
        **dict.fromkeys(b"codec ptime ptime-reverse t.38 bundle extmap sdp-attr delay-buffer".split(), _NEVER),
        **dict.fromkeys(b"drop-traffic dtmf-security dtmf-delay dtls-fingerprint template rtpp-flags".split(), _NEVER),
    }
)
"""Keys that MediaProxy cannot serve, each with the values that ask for nothing. (`rtpp-flags` and `template` stand for
options that only an rtpengine can read.)"""

REFUSED_FLAGS = frozenset(
    b"asymmetric always-transcode force-transcoding single-codec static-codecs inject-dtmf detect-dtmf block-dtmf "
    b"block-media block-egress silence-media record-call recording-announcement generate-rtcp rtcp-mirror mix recrypt "
    b"webrtc fragment trickle-ice reject-ice generate-mid strip-extmap".split()
)
"""Flags that MediaProxy cannot serve."""

_TRANSPORTS = (b"RTP", b"UDP")


def is_relayed(stream: Stream) -> bool:
    """Whether MediaProxy knows the stream's transport: RTP in all its profiles, and plain UDP such as T.38's."""
    return stream.transport.upper().startswith(_TRANSPORTS)


def refuse(options: Mapping[bytes, NgValue], sdp: Sdp) -> None:
    """Raise Untranslatable if the options (see `words.normalised`) ask for something that is impossible here."""
    for key, words in unserved(options, HARMLESS_VALUES, REFUSED_FLAGS):
        raise _refusal(key, words)
    if words_of(options, b"address-family") - {b"ip4"}:
        raise _refusal(b"address-family", words_of(options, b"address-family"), "it relays IPv4 only; ")
    _refuse_bridging(options)
    for stream in sdp.live_streams:
        _refuse_for(stream, options)


def _refuse_bridging(options: Mapping[bytes, NgValue]) -> None:
    """Refuse to bridge between two interfaces: a relay has one."""
    both = [options[key] for key in (b"from-interface", b"to-interface") if key in options]
    names = options.get(b"direction", both)
    if not isinstance(names, list) or any(name != names[0] for name in names):
        raise _refusal(b"direction", words_of(options, b"direction"), "its relays have one interface; ")


def _refuse_for(stream: Stream, options: Mapping[bytes, NgValue]) -> None:
    """Refuse what cannot be done for this stream."""
    transport = stream.transport.decode("ascii", "replace")
    if not is_relayed(stream):
        raise _unfit(f"sdp: MediaProxy relays UDP only, not the {transport} stream")
    if stream.port_count > 1:
        raise _unfit(f"sdp: MediaProxy relays one port a stream, and one asks for {stream.port_count}")
    wanted = words_of(options, b"transport-protocol") - {stream.transport.lower()}
    if wanted and b"RTP/" in stream.transport.upper():
        raise _refusal(b"transport-protocol", wanted, f"the SDP has {transport}; ")
    if b"SAVP" in stream.transport.upper():
        for key in (b"dtls", b"sdes"):
            if options.get(key):
                raise _refusal(key, words_of(options, key), "keys are negotiated past its relays; ")
    mux = words_of(options, b"rtcp-mux")
    impossible = mux & ({b"demux", b"reject"} if stream.has(b"rtcp-mux") else {b"offer", b"require"})
    if impossible:
        raise _refusal(b"rtcp-mux", impossible, "the SDP asks for the opposite; ")


def _unfit(why: str) -> Untranslatable:
    return Untranslatable(why, RefusalCode.NOT_ACCEPTABLE)


def _refusal(key: bytes, words: frozenset[bytes], why: str = "") -> Untranslatable:
    asked = b", ".join(sorted(words)).decode("ascii", "backslashreplace")
    name = f"{key.decode()}{' ' if asked else ''}{asked}"
    return Untranslatable(f"{name}: not something that MediaProxy can do; {why}{_LEAVE_OUT}")
