"""The ng replies that are ours, not a node's."""

from __future__ import annotations

from engines.rtpengine.bencode import NgDict
from events.values import value

NOT_FOUND_WARNING = b"Call-ID not found or tags didn't match"
UNKNOWN_CALL = "Unknown call-id"
LOAD_LIMIT = "Load limit exceeded"


@value
class Refusal:
    """A decision not to do what was asked."""

    reason: str


def error(reason: str) -> NgDict:
    """Give an error reply."""
    return {b"result": b"error", b"error-reason": reason.encode()}


def ok(warning: str = "") -> NgDict:
    """Give a bare ok, with a warning where there is one."""
    return {b"result": b"ok", b"warning": warning.encode()} if warning else {b"result": b"ok"}


def not_found(request: NgDict) -> NgDict:
    """Give the reply to a delete of something that is not there: ok, or an error if the request has the flag fatal."""
    flags = request.get(b"flags")
    fatal = isinstance(flags, list) and b"fatal" in flags
    if fatal:
        return {b"result": b"error", b"error-reason": NOT_FOUND_WARNING}
    return {b"result": b"ok", b"warning": NOT_FOUND_WARNING}
