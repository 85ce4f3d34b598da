"""Whether an event can be read again, for who makes one of values that somebody else gave."""

from __future__ import annotations

import functools

from events.codec import Codec
from events.decisions import DECISION_TYPES
from events.event import Event
from events.upcasters import Lifted


def fault_of(decision: Event) -> str:
    """Return why no control node could read what is decided from its stream; "" if all can."""
    codec = _codec()
    try:
        codec.recorded(1, 0, "", Lifted(decision.name, decision.schema, codec.plain(decision)))
    except (TypeError, ValueError) as error:
        return f"{decision.name}: {error}"
    return ""


@functools.cache
def _codec() -> Codec:
    return Codec(types=DECISION_TYPES)
