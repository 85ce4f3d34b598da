"""Whose call a message is, found in its bytes without reading it.

What is found decides which worker takes the message, and nothing else: the worker reads it then. A message that is made
to be found under another call-id goes to a worker that serves it less quickly, and comes to the same there.
"""

from __future__ import annotations

import re

from replay.state import CALLERS_TAG

_BENCODED = re.compile(rb"7:call-id(\d{1,4}):")
_JSON = re.compile(rb'"call-id"\s*:\s*"([^"\\]{1,1000})"')
_CALL_ID = re.compile(rb"\n(?:call-id|i)[ \t]*:[ \t]*([^\r\n]*)", re.IGNORECASE)
_TOP_BRANCH = re.compile(rb"\n(?:via|v)[ \t]*:[^\r\n,]*?;[ \t]*branch[ \t]*=[ \t]*([^\s;,]+)", re.IGNORECASE)


def call_of_ng(message: bytes) -> bytes | None:
    """Return the call-id in an ng request; None if there is none, or it cannot be seen."""
    found = _BENCODED.search(message)
    if found is not None:
        return message[found.end() : found.end() + int(found[1])]
    found = _JSON.search(message)
    return found[1] if found is not None else None


def call_of_sip(message: bytes) -> bytes | None:
    """Return the Call-ID of a SIP message, None if it has none."""
    found = _CALL_ID.search(message)
    return found[1].strip() if found is not None else None


def top_branch(message: bytes) -> bytes:
    """Return the branch of a SIP message's top Via, b"" if it has none."""
    found = _TOP_BRANCH.search(message)
    return found[1] if found is not None else b""


def is_response(message: bytes) -> bool:
    """Whether a SIP message is a response."""
    return message[:8].upper() == b"SIP/2.0 "


def call_of_stream(name: str) -> bytes:
    """Return the call-id of a call's stream, whose name may have the caller's tag, too (replay.identity)."""
    return name.partition(CALLERS_TAG)[0].encode("utf-8", "surrogateescape")
