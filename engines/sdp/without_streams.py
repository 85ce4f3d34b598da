"""Session descriptions without any stream (RFC 3264 section 5), as one who connects two others begins with (RFC 3725).

No relay takes them, as there is nothing to relay; an rtpengine says so. So one is written out anew, of which nothing is
the sender's own but the names and numbers of its origin: no address goes on in it, in whatever line of the old one
there was any.
"""

from __future__ import annotations

import re

_ORIGIN = re.compile(rb"^o=([!-~\x80-\xff]+ [0-9]+ [0-9]+) IN IP[46] [!-~\x80-\xff]+\r?$", re.MULTILINE)


def rewritten(body: bytes) -> bytes | None:
    """Return a session description without streams, and without any address; None for what is no such one."""
    origins = _ORIGIN.findall(body)
    if not body.startswith(b"v=0") or b"m=" in body.lower() or len(origins) != 1:
        return None
    return b"v=0\r\no=%b IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n" % origins[0]
