"""Replies of the MediaProxy dispatcher: one line each."""

from __future__ import annotations

import re
from dataclasses import dataclass

from engines.kind import MalformedReply
from engines.sdp.address import MediaAddress, parse_address

ERROR = b"error"
"""The dispatcher, or the relay it asked, did not do it. It does not say why; its log does."""

REMOVED = b"removed"

_ALLOCATION = re.compile(rb"(\S+)((?: \d{1,5})+)")
_MAX_PORT = 65535


@dataclass(frozen=True, slots=True)
class RelayAllocation:
    """Where the relay wants the streams of an update: its address, and a port a stream, RTCP on the next one.

    Port 0 is that of a stream that is closed.
    """

    address: MediaAddress
    ports: tuple[int, ...]


def is_error(reply: bytes) -> bool:
    """Whether the reply is `error`."""
    return reply.strip() == ERROR


def parse_allocation(reply: bytes) -> RelayAllocation | None:
    """Read the reply to an update with media; None for `error`. Raises MalformedReply."""
    if is_error(reply):
        return None
    found = _ALLOCATION.fullmatch(reply.strip())
    address = parse_address(found[1]) if found else None
    ports = tuple(map(int, found[2].split())) if found else ()
    if address is None or max(ports) > _MAX_PORT:
        raise _malformed(reply)
    return RelayAllocation(address, ports)


def parse_removed(reply: bytes) -> bool:
    """Read the reply to a removal: whether it was done. Raises MalformedReply."""
    if not is_error(reply) and reply.strip() != REMOVED:
        raise _malformed(reply)
    return not is_error(reply)


def _malformed(reply: bytes) -> MalformedReply:
    return MalformedReply(f"not a reply of a MediaProxy dispatcher to this command: {reply[:80]!r}")
