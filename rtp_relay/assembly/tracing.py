"""Every event of every call as a log line, for the log level debug."""

from __future__ import annotations

import functools
from collections.abc import Callable

from events.names import CallId, NodeName
from events.records import Recorded
from events.registry import Event
from replay.history.describe import facts
from replay.privacy.numbers import Numbers
from rtp_relay.logs import call_logger

Trace = Callable[[CallId, Recorded], None]


@functools.cache
def tracing(numbers: Numbers) -> Trace:
    """Return what logs events that stand in the journal now, with numbers as they may be shown: one and the same."""

    def trace(call_id: CallId, record: Recorded) -> None:
        """Log an event with its call, version and, where it names one, node."""
        event = numbers.event(record.event)
        call_logger(call_id, node=NodeName(_node(event)), version=record.version).debug(event.name, what=facts(event))

    return trace


def _node(event: Event) -> str:
    node = getattr(event, "node", "")
    return node if isinstance(node, str) else ""
