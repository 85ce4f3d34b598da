"""The `o=` line of a session description: who made it, and which version it is (RFC 8866 5.2).

In a dialog it stays the same from one description to the next but for its version, which rises with every change and
with nothing else (RFC 3264 8): there are parties that take no notice of a change under an old version.
"""

from __future__ import annotations

import re

_ORIGIN = re.compile(rb"^o=(?P<who>\S+ \S+) (?P<version>\d+)(?P<where>[^\r\n]*)", re.MULTILINE)


def version_of(sdp: bytes) -> int:
    """Return the version of a session description; 0 where it says none."""
    found = _ORIGIN.search(sdp)
    return int(found["version"]) if found else 0


def says_the_same(one: bytes, other: bytes) -> bool:
    """Return whether two session descriptions differ in nothing but their `o=` lines."""
    return one == other or _ORIGIN.sub(b"", one, count=1) == _ORIGIN.sub(b"", other, count=1)


def is_from_the_same(one: bytes, other: bytes) -> bool:
    """Return whether two session descriptions are versions of one: of the same user name and session id."""
    first, second = _ORIGIN.search(one), _ORIGIN.search(other)
    return first is not None and second is not None and first["who"] == second["who"]


def following(sdp: bytes, before: bytes, least: int = 0) -> bytes:
    """Return a session description as the next version of the one that was given before.

    least: a version that it is to be above, too. Without an `o=` line in both it stays as it is.
    """
    own, last = _ORIGIN.search(sdp), _ORIGIN.search(before)
    if own is None or last is None:
        return sdp
    line = b"o=%s %d%s" % (last["who"], max(int(last["version"]), least) + 1, last["where"])
    return sdp[: own.start()] + line + sdp[own.end() :]
