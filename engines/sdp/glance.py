"""The hosts to which a usual session description has its streams sent, told at a glance.

Nearly all descriptions write their addresses as RFC 8866 shows them, have no stream over TCP, and name no addresses
beside those of c= lines. Of such a one `engines.sdp.session` need not take every line apart.
"""

from __future__ import annotations

import re
from functools import lru_cache

from engines.sdp.lines import STRAY_CR

_END = rb"\r?\n"
_TEXT = rb".*+\n"
_WORD = rb"\S++"
_ADDRESS = rb"IN IP[46] " + _WORD
_SPECIAL = rb"\s*+(?i:rtcp(?![^\s:])|alt|acap|ccap|candidate|remote-candidates|end-of-candidates|ice-)"
"""Attributes that are, or may be, a=rtcp, one of ICE, or one that names alternatives (`engines.sdp.detours`)."""

_ICE = rb"a=(?:candidate|remote-candidates|end-of-candidates|ice-[a-z0-9]++)(?::%b|%b)" % (_TEXT, _END)
"""Attributes of ICE as RFC 8839 writes them."""

_OTHER = rb"[bd-ln-zA-Z]=%b|a=(?!%b)%b|a=rtcp:[0-9]{1,5}(?: %b)?%b|%b" % (
    _TEXT,
    _SPECIAL,
    _TEXT,
    _ADDRESS,
    _END,
    _ICE,
)
_CONNECTION = rb"c=" + _ADDRESS + _END
_PORT = rb"(?:[1-5]?[0-9]{1,4}|6[0-4][0-9]{3})"
_MEDIUM = rb"m=%b %b (?!(?i:tcp))%b%b" % (_WORD, _PORT, _WORD, _TEXT)
_USUAL = re.compile(
    rb"v=%(text)s(?:%(other)s)*+(?:"
    rb"%(connection)s(?:%(other)s)*+(?:%(medium)s(?:%(other)s|%(connection)s)*+)++"
    rb"|(?:%(medium)s(?:%(other)s)*+%(connection)s(?:%(other)s|%(connection)s)*+)++)"
    % {b"text": _TEXT, b"other": _OTHER, b"connection": _CONNECTION, b"medium": _MEDIUM}
)
"""Each stream has an address: the session's, in a c= line before the first m= line, or one of its own.

There is no stray CR in it (`STRAY_CR`).
"""

_HOST = re.compile(rb"\nc=IN IP[46] (\S+)")
_MAX_SIZE = 4096
"""Bytes. A longer body is none of the usual ones."""


def usual_hosts(body: bytes) -> frozenset[bytes]:
    """Return the hosts in the c= lines of a usual description, as they are written; empty for any other."""
    return _hosts(body) if len(body) <= _MAX_SIZE else _NONE


_NONE: frozenset[bytes] = frozenset()


@lru_cache(maxsize=32)  # a body is looked at before it is given to a node, and again when the node has answered
def _hosts(body: bytes) -> frozenset[bytes]:
    if STRAY_CR.search(body) is not None or _USUAL.fullmatch(body) is None:
        return _NONE
    return frozenset(_HOST.findall(body))
