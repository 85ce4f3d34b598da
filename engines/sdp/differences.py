"""In what two session descriptions differ in kind: what a relay gave, against what another one gave for the same.

Addresses, ports, keys, identifiers and the order of lines are each relay's own, and no difference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final, TypeAlias

from engines.sdp.lines import SdpError
from engines.sdp.session import Sdp, Stream, parse
from events.values import value


class Aspect(StrEnum):
    """What a difference is about. ERROR: one relay did what the other one refused."""

    ERROR = "error"
    MEDIA = "media"
    CRYPTO = "crypto"
    CODECS = "codecs"
    ICE = "ice"
    RTCP = "rtcp"
    DIRECTION = "direction"


@value(kw_only=True)
class Difference:
    """A difference. what: of which property, in a few words. stream: in which m= line, from 1; 0 for the whole."""

    aspect: Aspect
    what: str
    recorded: str
    given: str
    stream: int = 0


NONE: Final = "none"
YES: Final = "yes"
REJECTED: Final = "rejected"

_STATIC: Mapping[str, str] = MappingProxyType(
    {
        "0": "PCMU/8000",
        "3": "GSM/8000",
        "4": "G723/8000",
        "8": "PCMA/8000",
        "9": "G722/8000",
        "13": "CN/8000",
        "15": "G728/8000",
        "18": "G729/8000",
        "26": "JPEG/90000",
        "31": "H261/90000",
        "34": "H263/90000",
    }
)
"""What payload types are that need no a=rtpmap (RFC 3551 section 6)."""

Property: TypeAlias = Callable[[Sdp, Stream], str]


def differences(recorded: bytes, given: bytes) -> list[Difference]:
    """Return in what two session descriptions differ, the m= lines one after the other."""
    try:
        before, after = parse(recorded), parse(given)
    except SdpError:
        told = _read(recorded), _read(given)
        return [] if recorded == given else [_difference(Aspect.MEDIA, "readable", *told)]
    found = [
        _difference(Aspect.MEDIA, what, one, other)
        for what, one, other in (
            ("m= lines", str(len(before.streams)), str(len(after.streams))),
            ("groups", _groups(before), _groups(after)),
        )
        if one != other
    ]
    for one, other in zip(before.streams, after.streams, strict=False):
        found += _of_stream(before, one, after, other)
    return found


def _of_stream(before: Sdp, one: Stream, after: Sdp, other: Stream) -> Iterator[Difference]:
    """Compare two m= lines; of one that is rejected nothing counts but that it is."""
    for aspect, what, property_of in _ALWAYS if not (one.is_live and other.is_live) else (*_ALWAYS, *_LIVE):
        recorded, given = property_of(before, one), property_of(after, other)
        if recorded != given:
            yield _difference(aspect, what, recorded, given, one.number)


def _difference(aspect: Aspect, what: str, recorded: str, given: str, stream: int = 0) -> Difference:
    return Difference(aspect=aspect, what=what, recorded=recorded, given=given, stream=stream)


def _read(body: bytes) -> str:
    try:
        parse(body)
    except SdpError as error:
        return str(error)
    return YES


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")


def _values(stream: Stream, name: bytes) -> list[str]:
    """Return the values of a stream's attributes of this name."""
    return [_text(line.value.partition(b":")[2].strip()) for line in stream.lines if line.attribute == name]


def _inherited(sdp: Sdp, stream: Stream, name: bytes) -> list[str]:
    """Return the values of a stream's attributes of this name, or where it has none, of the session's."""
    session = [_text(line.value.partition(b":")[2].strip()) for line in sdp.lines if line.attribute == name]
    return _values(stream, name) or session


def _listed(values: list[str]) -> str:
    return ", ".join(values) or NONE


def _groups(sdp: Sdp) -> str:
    """Return the groups of streams (RFC 5888): their semantics and how many streams are in each."""
    groups = [line.value.partition(b":")[2].split() for line in sdp.lines if line.attribute == b"group"]
    return _listed([f"{_text(words[0])} of {len(words) - 1}" for words in groups if words])


def _port(_: Sdp, stream: Stream) -> str:
    return "open" if stream.is_live else REJECTED


def _family(sdp: Sdp, stream: Stream) -> str:
    try:
        return _text(sdp.address_of(stream).family)
    except SdpError:
        return NONE


def _names(_: Sdp, stream: Stream) -> str:
    """Return the codecs in the order of the payload types, as a=rtpmap names them, one channel left unsaid."""
    told = dict(pair for value in _values(stream, b"rtpmap") if len(pair := value.split(None, 1)) == 2)
    codecs = (told.get(kind) or _STATIC.get(kind, "?") for kind in map(_text, stream.formats))
    return _listed([codec.upper().removesuffix("/1") for codec in codecs])


def _parameters(_: Sdp, stream: Stream) -> str:
    """Return the format parameters by payload type; neither their order nor their spaces count."""
    told = sorted(value.split(None, 1) for value in _values(stream, b"fmtp"))
    split = [(pair[0], sorted(part.strip() for part in pair[-1].split(";"))) for pair in told if len(pair) == 2]
    return _listed([f"{kind} {';'.join(filter(None, parts))}" for kind, parts in split])


def _suites(_: Sdp, stream: Stream) -> str:
    """Return the crypto suites of SDES in their order (RFC 4568 section 4)."""
    return _listed([words[1] for value in _values(stream, b"crypto") if len(words := value.split()) > 1])


def _fingerprint(sdp: Sdp, stream: Stream) -> str:
    """Return the hash functions of the certificates' fingerprints (RFC 8122 section 5)."""
    return _listed(sorted({value.split()[0].lower() for value in _inherited(sdp, stream, b"fingerprint") if value}))


def _candidates(_: Sdp, stream: Stream) -> str:
    """Return which candidates there are (RFC 8839 section 5.1): type, component and transport, each once."""
    words = [value.split() for value in _values(stream, b"candidate")]
    return _listed(sorted({f"{one[7]} {one[1]} {one[2].upper()}" for one in words if len(one) > 7}))


def _present(name: bytes) -> Property:
    return lambda sdp, stream: YES if _has(sdp, stream, name) else NONE


def _has(sdp: Sdp, stream: Stream, name: bytes) -> bool:
    return stream.has(name) or any(line.attribute == name for line in sdp.lines)


_ALWAYS: Final[tuple[tuple[Aspect, str, Property], ...]] = (
    (Aspect.MEDIA, "medium", lambda _, stream: _text(stream.media)),
    (Aspect.MEDIA, "port", _port),
)

_LIVE: Final[tuple[tuple[Aspect, str, Property], ...]] = (
    (Aspect.MEDIA, "transport", lambda _, stream: _text(stream.transport)),
    (Aspect.MEDIA, "address family", _family),
    (Aspect.CODECS, "payload types", lambda _, stream: " ".join(map(_text, stream.formats))),
    (Aspect.CODECS, "codecs", _names),
    (Aspect.CODECS, "fmtp", _parameters),
    (Aspect.CODECS, "ptime", lambda sdp, stream: _listed(_inherited(sdp, stream, b"ptime"))),
    (Aspect.CRYPTO, "SDES suites", _suites),
    (Aspect.CRYPTO, "DTLS fingerprint", _fingerprint),
    (Aspect.CRYPTO, "DTLS setup", lambda sdp, stream: _listed(_inherited(sdp, stream, b"setup"))),
    (Aspect.ICE, "ufrag", _present(b"ice-ufrag")),
    (Aspect.ICE, "lite", _present(b"ice-lite")),
    (Aspect.ICE, "candidates", _candidates),
    (Aspect.RTCP, "rtcp-mux", _present(b"rtcp-mux")),
    (Aspect.RTCP, "a=rtcp", _present(b"rtcp")),
    (Aspect.RTCP, "feedback", lambda sdp, stream: _listed(sorted(_inherited(sdp, stream, b"rtcp-fb")))),
    (Aspect.DIRECTION, "direction", lambda sdp, stream: _text(sdp.direction_of(stream))),
)
