"""Keys in what is captured, masked: each of their characters becomes an asterisk, so that all lengths stay true.

A session description is found wherever it is: in a SIP message, in the strings of bencode, and in those of JSON, where
the end of a line is two characters. The packets travel readable by anybody on their way.
"""

from __future__ import annotations

import re

_REST_OF_LINE = rb"""(?:[^\r\n\\"]|\\[^rn])+"""

_SECRET = re.compile(
    rb"""(?P<kept>
        a[ ]*=[ ]*crypto[ ]*:   (?: [ ]*\d{1,9}[ ]+[A-Za-z0-9_]+[ ]+ (?=inline:) )?   # RFC 4568: tag and suite stay
      | a[ ]*=[ ]*ice-pwd[ ]*:                                                        # RFC 8839, section 5.4
      | a[ ]*=[ ]*key-mgmt[ ]*:                                                       # RFC 4567, section 3.1
      | (?:^|[\r\n]|\\n|\\r) k[ ]*=                                                   # RFC 4566, section 5.12
    ) (?P<secret>"""
    + _REST_OF_LINE
    + rb")",
    re.VERBOSE | re.IGNORECASE,
)
_SIGNS = re.compile(rb"crypto|ice-pwd|key-mgmt|[\r\nrn]k *=", re.IGNORECASE)


def mask(payload: bytes) -> bytes:
    """Return a payload with its keys masked: those of SDES, MIKEY and `k=`, and ICE passwords."""
    if _SIGNS.search(payload) is None:
        return payload
    return _SECRET.sub(lambda found: found["kept"] + b"*" * len(found["secret"]), payload)
