"""Where the Redis journal keeps a call's stream."""

from __future__ import annotations

from events.decisions import NODES
from events.redis.keys import Keys, to_bytes


def stream_of(prefix: str, call: str) -> bytes:
    """Return the key of a call's stream."""
    return Keys(prefix).partition(to_bytes(call)).stream(to_bytes(call))


def stream_of_nodes(prefix: str) -> bytes:
    """Return the key of the stream of decisions about nodes."""
    return Keys(prefix).decisions.stream(to_bytes(NODES))
