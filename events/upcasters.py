"""How events of older schemas become those of today.

A change of an event's fields raises its `schema` by one and adds here the function that lifts the data of the schema
before: it gets the fields by their short keys (`events.schema.SHORT`), secrets opened, and gives them as the next
schema has them. Functions are chained, so each lifts by one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from events.schema import SHORT

Data = dict[str, Any]
Upcaster = Callable[[Data], Data]
Upcasters = Mapping[tuple[str, int], Upcaster]


def _name_remembered(data: Data) -> Data:
    """Lift `tail lost` 1, whose sessions were maps with a session's fields under their full names."""
    return {**data, "m": [_remembered(session) for session in data.get("m", ())]}


def _remembered(session: Data) -> Data:
    keys = ("engine", "set", "node", "relay_id", "from_tag", "to_tag", "branch", "handle", "status", "reason")
    lifted = {SHORT.get(key, key): session[key] for key in keys if key in session}
    return {"n": "", "i": "", **lifted, "s": session.get("number", session.get("session"))}


UPCASTERS: Upcasters = {("tail lost", 1): _name_remembered}
"""By event name and old schema."""
