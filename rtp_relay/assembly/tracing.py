"""Every event of every call as a log line, for the log level debug."""

from __future__ import annotations

from events.journal import Recorded
from events.names import CallId, NodeName
from events.registry import Event
from replay.history.describe import facts
from rtp_relay.logs import call_logger


def trace(call_id: CallId, record: Recorded) -> None:
    """Log an event that stands in the journal now, with its call, version and, where it names one, node."""
    event = record.event
    call_logger(call_id, node=NodeName(_node(event)), version=record.version).debug(event.name, what=facts(event))


def _node(event: Event) -> str:
    node = getattr(event, "node", "")
    return node if isinstance(node, str) else ""
