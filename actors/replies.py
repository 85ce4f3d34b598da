"""The ng replies that are ours, not a node's."""

from __future__ import annotations

from actors.results import Refused
from engines.kind import reason as reason_of
from engines.media_request import to_bytes
from engines.ng.bencode import NgDict
from engines.refusal import RefusalCode, code_of
from engines.refusal import refused as refused_reply
from events.values import value

NOT_FOUND_WARNING = b"Call-ID not found or tags didn't match"
UNKNOWN_CALL = "Unknown call-id"
LOAD_LIMIT = "Load limit exceeded"


@value
class Refusal:
    """A decision not to do what was asked."""

    reason: str
    code: RefusalCode = RefusalCode.REFUSED

    @property
    def reply(self) -> NgDict:
        """The error reply that it stands for."""
        return error(self.reason, self.code)


def refused(reply: NgDict) -> Refused:
    """Return what a reply that is not ok stands for."""
    return Refused(code_of(reply), reason_of(reply) or "no reason was given")


def error(reason: str, code: RefusalCode = RefusalCode.REFUSED) -> NgDict:
    """Return an error reply."""
    return refused_reply(to_bytes(reason), code)


def ok(warning: str = "") -> NgDict:
    """Return a bare ok, with a warning where there is one."""
    return {b"result": b"ok", b"warning": to_bytes(warning)} if warning else {b"result": b"ok"}


def not_found(request: NgDict) -> NgDict:
    """Return the reply to a delete of what is not there: ok, or an error if the request has the flag fatal."""
    flags = request.get(b"flags")
    fatal = isinstance(flags, list) and b"fatal" in flags
    if fatal:
        return refused_reply(NOT_FOUND_WARNING, RefusalCode.UNKNOWN_CALL)
    return {b"result": b"ok", b"warning": NOT_FOUND_WARNING}


UNKNOWN = Refusal(UNKNOWN_CALL, RefusalCode.UNKNOWN_CALL)


def quarantined(why: str) -> Refusal:
    """Refuse what is asked of a call that was set aside."""
    return Refusal(f"Call is quarantined: {why}", RefusalCode.QUARANTINED)
