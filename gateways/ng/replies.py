"""What a client is told, in the ng protocol's words: for each result of a command, and for each cause of a refusal."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from actors.results import Done, MediaResult, NodeAnswered, Refused, Relayed
from engines.ng.bencode import NgDict
from engines.refusal import RefusalCode

LOAD_LIMIT = "Load limit exceeded"
"""What goes with the result that makes a client go on to its next node, where the client understands that result."""

GO_ON = "Parallel session limit reached"
"""The reason for an error that makes any client go on to its next node; they match it, so it is never changed."""

_TEXTS: Mapping[RefusalCode, str] = MappingProxyType(
    {
        RefusalCode.FULL: GO_ON,
        RefusalCode.OLDER: GO_ON,
        RefusalCode.UNKNOWN_CALL: "Unknown call-id",
        RefusalCode.NOT_FOUND: "Call-ID not found or tags didn't match",
    }
)
"""The causes that rtpengine has words of its own for, which clients know. What else there is, is said as it is."""


_ELSEWHERE = (RefusalCode.FULL, RefusalCode.OLDER)
"""The causes for which a client is to go on to its next node."""


def words_of(result: MediaResult, *, load_limit: bool = False) -> NgDict:
    """Return the reply for a command's result. load_limit: whether the client understands the result `load limit`."""
    match result:
        case Relayed():
            return {b"result": b"ok", b"sdp": result.sdp} if result.reply is None else result.reply.words
        case NodeAnswered():
            return result.reply.words
        case Refused():
            return _refused(result, load_limit=load_limit)
        case Done() if result.warning:
            return {b"result": b"ok", b"warning": _bytes(result.warning)}
        case _:
            return {b"result": b"ok"}


def error(reason: str) -> NgDict:
    """Return the reply that says why something was not done."""
    return {b"result": b"error", b"error-reason": _bytes(reason)}


def _refused(refusal: Refused, *, load_limit: bool) -> NgDict:
    """Return the words for a refusal: a node's own, unless it is a load limit, which has a form for each client."""
    if refusal.code in _ELSEWHERE and load_limit:
        return {b"result": b"load limit", b"message": LOAD_LIMIT.encode()}
    if refusal.reply is not None and refusal.code is not RefusalCode.FULL:
        return refusal.reply.words
    return error(_TEXTS.get(refusal.code, refusal.reason))


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
