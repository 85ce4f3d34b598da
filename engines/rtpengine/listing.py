"""Which calls an rtpengine says that it holds: the ng command `list` (seen on 10.5.3).

It has a `limit`, and no way to go on after it. A reply that does not fit into a datagram never comes.
"""

from __future__ import annotations

from typing import Final

from engines.kind import Operation
from engines.reply import NodeReply
from engines.request import NodeRequest
from events.names import RelayId
from events.values import value
from events.verb import Verb

LIMIT: Final = 500
"""So many calls are asked for at first: some 64 kB of ids as long as they get."""

LEAST: Final = 60
"""So few fit into any datagram."""


@value
class Listed:
    """Ids of sessions that a node holds; whole: whether these are all."""

    ids: tuple[RelayId, ...]
    whole: bool


def listing(limit: int = LIMIT) -> Operation:
    """Build the operation that asks for so many calls."""
    request = NodeRequest({b"command": b"list", b"limit": limit})
    return Operation(verb=Verb.STATISTICS, relay_id=RelayId(""), request=request)


def listed(reply: NodeReply, limit: int = LIMIT) -> Listed:
    """Return what a node lists; ids that are no text of ours are there as any bytes are."""
    calls = reply.words.get(b"calls")
    told = calls if isinstance(calls, list) else []
    ids = [RelayId(one.decode(errors="surrogateescape")) for one in told if isinstance(one, bytes)]
    return Listed(tuple(dict.fromkeys(ids)), isinstance(calls, list) and len(told) < limit)
