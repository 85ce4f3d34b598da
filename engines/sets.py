"""Node descriptions, and which node of a set gets a call.

Nodes of one priority are a tier, and lower numbers go first, as with DNS SRV records (RFC 2782). Within a tier the
choice is weighted rendezvous hashing (Thaler and Ravishankar 1998; with weights: Schindelhauer and Schomaker,
"Weighted Distributed Hash Tables", 2005): each node draws a number from the call-id and its own name, and the best
number wins. No node's number depends on the others, so that a node which comes or goes moves no calls but its own.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable
from dataclasses import dataclass
from operator import itemgetter

from engines.sdp.tcp import TcpStreams
from events.names import CallId, NodeName

EVERY_SET = "*"
"""The set of a node that belongs to every set; it is chosen only where its engine is asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSpec:
    """One relay node as configured.

    name: unique among all nodes, and what calls remember; a node with a new name is a new node.
    engine: the name of its kind.
    url: its control socket, such as `udp:127.0.0.1:2223`.
    set: the group of nodes it belongs to.
    weight: its share of the new calls of its set in proportion to the weights of the others; 0: it gets none.
    priority: its tier; it gets new calls only while no node of a lower number takes them.
    tcp_streams: what becomes of streams over TCP where its kind passes UDP only.
    """

    name: NodeName
    engine: str
    url: str
    set: str = "default"
    weight: int = 1
    priority: int = 0
    tcp_streams: TcpStreams = TcpStreams.OFF


def rank(call_id: CallId, nodes: Iterable[NodeSpec]) -> list[NodeSpec]:
    """Order the nodes that may get a new call, the best for this call first; those of weight 0 are left out.

    The result depends on nothing but the call-id and the nodes' names, weights and priorities, in any process and at
    any time.
    """
    call = call_id.encode("utf-8", "surrogateescape")
    drawn = [(node.priority, _cost(call, node), node.name, node) for node in nodes if node.weight > 0]
    drawn.sort(key=itemgetter(0, 1, 2))
    return [node for _, _, _, node in drawn]


def _cost(call: bytes, node: NodeSpec) -> float:
    """Draw the node's number: exponentially distributed with the weight as its rate, so the least is the best."""
    name = node.name.encode("utf-8", "surrogateescape")
    digest = hashlib.blake2b(b"%d:%s%s" % (len(name), name, call), digest_size=8).digest()
    # 52 bits and a half are exact in a float, and never 0 or 1.
    uniform = ((int.from_bytes(digest, "big") >> 12) + 0.5) / 2**52
    return -math.log(uniform) / node.weight
