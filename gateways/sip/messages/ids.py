"""Branches and tags of our own: random, so that nobody can guess them (RFC 3261 8.1.1.7, 19.3)."""

from __future__ import annotations

import hashlib
import secrets

from gateways.sip.messages.text import to_bytes

COOKIE = "z9hG4bK"
"""What each branch of RFC 3261 begins with; one without it comes from an element of RFC 2543."""

_SECRET = secrets.token_bytes(32)


def new_branch() -> str:
    """Return a branch for a new transaction."""
    return COOKIE + secrets.token_hex(12)


def new_tag() -> str:
    """Return a tag for a new dialog."""
    return secrets.token_hex(8)


def tag_for(request: str) -> str:
    """Return the tag of responses that are made without state: the same each time `request` comes (RFC 3261 8.2.7)."""
    return hashlib.blake2b(to_bytes(request), digest_size=8, key=_SECRET).hexdigest()
