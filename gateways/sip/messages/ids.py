"""Branches and tags of our own: random, so that nobody can guess them (RFC 3261 8.1.1.7, 19.3)."""

from __future__ import annotations

import hashlib
import re
import secrets

from gateways.sip.messages.text import to_bytes

COOKIE = "z9hG4bK"
"""What each branch of RFC 3261 begins with; one without it comes from an element of RFC 2543."""

_NUMBERED = re.compile(r"z9hG4bK[0-9a-f]{24}(?:w\d{1,2})?\.(\d{1,4})\.")
_MARKED = re.compile(rb"z9hG4bK[0-9a-f]{24}w(\d{1,2})(?![0-9A-Za-z])")
_SECRET = secrets.token_bytes(32)


class _Worker:
    """Which worker of its service this process is."""

    mark = ""


def mark_branches(worker: int) -> None:
    """Have each branch of this process say which worker made it, so that another one that gets a response knows."""
    _Worker.mark = f"w{worker}"


def new_branch() -> str:
    """Return a branch for a new transaction."""
    return COOKIE + secrets.token_hex(12) + _Worker.mark


def numbered_branch(number: int) -> str:
    """Return a branch for a fork of a call's INVITE: who gets a response when the sender has died knows of which."""
    return f"{new_branch()}.{number}"


def number_of(branch: str) -> int | None:
    """Return the number of a numbered branch that has something after it; None if it is none of ours."""
    found = _NUMBERED.match(branch)
    return int(found[1]) if found is not None else None


def worker_of(branch: bytes) -> int | None:
    """Return the worker that made a branch; None if none of ours did."""
    found = _MARKED.match(branch)
    return int(found[1]) if found is not None else None


def new_tag() -> str:
    """Return a tag for a new dialog."""
    return secrets.token_hex(8)


def tag_for(request: str) -> str:
    """Return the tag of responses that are made without state: the same each time `request` comes (RFC 3261 8.2.7)."""
    return hashlib.blake2b(to_bytes(request), digest_size=8, key=_SECRET).hexdigest()
