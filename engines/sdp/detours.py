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

from collections.abc import Container, Iterator

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


def detours(sdp: Sdp, names: Container[bytes] = DETOURS) -> Iterator[Line]:
    """Yield the lines with an attribute of these names, of the session and of all streams, in their order."""
    for line in (*sdp.lines, *(line for stream in sdp.streams for line in stream.lines)):
        if line.attribute and _name(line) in names:
            yield line


def without_detours(sdp: Sdp, names: Container[bytes] = DETOURS) -> bytes:
    """Return the body without those lines."""
    body = sdp.body
    for line in reversed(list(detours(sdp, names))):
        body = body[: line.start] + body[line.end :]
    return body


def _name(line: Line) -> bytes:
    """Return the attribute's name; that of the attribute within, where it is one that is a capability."""
    name = line.attribute.lower()
    words = line.value.split(maxsplit=1)
    return words[1].partition(b":")[0].strip().lower() if name == b"acap" and len(words) > 1 else name
