"""What operators decide, in streams of their own beside those of calls: which there are, and what stands in them."""

from __future__ import annotations

from events.event import Event
from events.names import StreamName
from events.node_events import NODE_EVENT_TYPES

NODES = StreamName("nodes")
"""The stream of all that is decided about relay nodes (events.node_events)."""

DECISION_TYPES: tuple[type[Event], ...] = (*NODE_EVENT_TYPES,)
"""All events of these streams."""
