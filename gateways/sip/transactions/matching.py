"""Which transaction a message belongs to (RFC 3261 17.1.3, 17.2.3).

A response belongs to the request of ours with its branch and method: our branches are unique. A request is known by
the branch its client gave it, together with that client's sent-by and the method. The Call-ID and the From tag, which
repeats, CANCEL and ACK have, too (9.1, 17.1.1.3), keep off who uses a branch that is another's. Clients of RFC 2543 do
not know of that; their branches lack the cookie, and the headers that are the same in all repeats have to tell.
"""

from __future__ import annotations

from typing import TypeAlias

from events.names import NO_TAG, Tag
from gateways.sip.messages.ids import COOKIE
from gateways.sip.messages.incoming import IncomingRequest

ClientKey: TypeAlias = tuple[str, str]
"""Branch and method."""

ServerKey: TypeAlias = tuple[str | int | None, ...]
"""Six fields that tell requests of RFC 3261 apart, more for those of RFC 2543."""


def key_of(request: IncomingRequest, method: str) -> ServerKey:
    """Return the key of a request. method: its own; INVITE to find the INVITE that a CANCEL is for."""
    via = request.via
    branch = via.parameters.get("branch")
    if not branch or not branch.startswith(COOKIE):
        return _old_key(request, method, request.to_tag)
    return branch, via.host, via.port, method, request.call_id, request.from_tag


def keys_of_ack(ack: IncomingRequest) -> tuple[ServerKey, ...]:
    """Return the keys that the INVITE of an ACK can have. The old way its To tag is the INVITE's, or the response's."""
    if is_old(key := key_of(ack, "INVITE")):
        return key, _old_key(ack, "INVITE", NO_TAG)
    return (key,)


def is_old(key: ServerKey) -> bool:
    """Whether a key is that of a client of RFC 2543."""
    return len(key) > 6


def _old_key(request: IncomingRequest, method: str, to_tag: Tag) -> ServerKey:
    via = request.via
    top = (via.transport, via.host, via.port, via.parameters.get("branch"))
    return method, str(request.message.uri), request.from_tag, to_tag, request.call_id, request.cseq, *top
