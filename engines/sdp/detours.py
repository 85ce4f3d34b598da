"""Attributes that name addresses beside those of c= and m= lines, by which media could go past a relay.

| attribute | source | what it is |
|---|---|---|
| `candidate`, `ice-ufrag` and the others of ICE | RFC 8839, RFC 8840 | addresses that the parties try between them |
| `altc` | RFC 6947 | another address for the stream, mostly of the other family |
| `alt` | draft-wing-mmusic-alternate | the same, from before ICE |
| `ccap` | RFC 7006 | a potential c= line and port |
| `acap` with one of these in it | RFC 5939 | a potential attribute |

Without them a peer keeps to the c= and m= lines, as RFC 8839 section 4.2.5 and RFC 6947 section 4.2 have it.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator

from engines.sdp.lines import Line
from engines.sdp.session import Sdp

ICE_ATTRIBUTES = frozenset(
    {
        b"candidate",
        b"remote-candidates",
        b"end-of-candidates",
        b"ice-ufrag",
        b"ice-pwd",
        b"ice-options",
        b"ice-pacing",
        b"ice-lite",
        b"ice-mismatch",
    }
)
"""The attributes of RFC 8839 and RFC 8840. A relay that does ICE itself has them in its own care."""

ALTERNATIVES = frozenset({b"alt", b"altc", b"ccap"})
"""What no relay here knows, so that all of them would pass it on."""

DETOURS = ICE_ATTRIBUTES | ALTERNATIVES
"""What must not pass a relay that does no ICE."""


ADDRESSES = ICE_ATTRIBUTES | {b"rtcp"}
"""What a relay that does ICE itself gives addresses of its own, where it knows the line (`unfamiliar`)."""


def detours(sdp: Sdp, names: Container[bytes] = DETOURS) -> Iterator[Line]:
    """Yield the lines with an attribute of these names, of the session and of all streams, in their order."""
    for line in _attributes(sdp):
        if _name(line) in names:
            yield line


def unfamiliar(sdp: Sdp) -> Iterator[Line]:
    """Yield the lines with an attribute of `ADDRESSES` that is not written as its RFC has it, in their order.

    Some user agents take `a=Candidate:` and `a=candidate :` for the attribute; a relay that goes by its very letters
    does not know it, and passes it on. So it is with one that is a capability.
    """
    for line in _attributes(sdp):
        name = _name(line)
        if name in ADDRESSES and (line.value + b":").partition(b":")[0] != name:
            yield line


def without(sdp: Sdp, lines: Iterable[Line]) -> bytes:
    """Return the body without some of its lines."""
    body = sdp.body
    for line in sorted(lines, key=lambda line: line.start, reverse=True):
        body = body[: line.start] + body[line.end :]
    return body


def without_detours(sdp: Sdp, names: Container[bytes] = DETOURS) -> bytes:
    """Return the body without the lines with an attribute of these names."""
    return without(sdp, detours(sdp, names))


def _attributes(sdp: Sdp) -> Iterator[Line]:
    for line in (*sdp.lines, *(line for stream in sdp.streams for line in stream.lines)):
        if line.attribute:
            yield line


def _name(line: Line) -> bytes:
    """Return the attribute's name; that of the attribute within, where it is one that is a capability."""
    name = line.attribute.lower()
    words = line.value.split(maxsplit=1)
    return words[1].partition(b":")[0].strip().lower() if name == b"acap" and len(words) > 1 else name
