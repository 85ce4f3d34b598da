"""Keys in place of those that were taken out of a session description, so that a relay can be given it again."""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from typing import Final

_LENGTHS: Final = {b"AES_192": 38, b"AES_256": 46, b"AEAD_AES_128": 28, b"AEAD_AES_256": 44}
_USUAL_LENGTH: Final = 30
"""Bytes of key and salt of the suites of RFC 4568; the others are those of RFC 6188 and RFC 7714."""


def with_stand_in_keys(sdp: bytes, removed: bytes) -> bytes:
    """Return the session description with other keys where `removed` stands in their place.

    They are made of the lines, so that the same one is always given the same.
    """
    if removed not in sdp:
        return sdp
    mark = re.escape(removed)
    with_keys = re.sub(rb"(?m)^(a=crypto:\d+ (\w+) )" + mark, _key, sdp)
    return re.sub(rb"(?m)^(a=ice-pwd:)" + mark, _password, with_keys)


def _key(found: re.Match[bytes]) -> bytes:
    suite = found[2].upper()
    length = next((size for name, size in _LENGTHS.items() if suite.startswith(name)), _USUAL_LENGTH)
    return found[1] + b"inline:" + b64encode(hashlib.sha512(found[1]).digest()[:length])


def _password(found: re.Match[bytes]) -> bytes:
    return found[1] + hashlib.sha256(found[1]).hexdigest()[:24].encode()
