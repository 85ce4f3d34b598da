"""What operators decide, in streams of their own beside those of calls: which there are, and what stands in them."""

from __future__ import annotations

from events.bulk_events import BULK_EVENT_TYPES
from events.event import Event
from events.forget_events import FORGET_EVENT_TYPES
from events.names import StreamName
from events.node_events import NODE_EVENT_TYPES, NodesSummarized

NODES = StreamName("nodes")
"""The stream of all that is decided about relay nodes (events.node_events)."""

FORGOTTEN = StreamName("forgotten")
"""The stream of who had ended calls removed (events.forget_events)."""

BULK = "bulk:"
"""What the name of the stream of a bulk move begins with (events.bulk_events); the rest is the name of the job."""

DECISION_TYPES: tuple[type[Event], ...] = (
    *NODE_EVENT_TYPES,
    NodesSummarized,
    *BULK_EVENT_TYPES,
    *FORGET_EVENT_TYPES,
)
"""All events of these streams."""


def bulk_stream(job: str) -> StreamName:
    """Return the stream of a bulk move."""
    return StreamName(BULK + job)


def job_of(stream: StreamName) -> str:
    """Return the name of the bulk move that a stream is of."""
    return stream.removeprefix(BULK)
