"""How events of older schemas become those of today.

A change of an event's fields raises its `schema` by one and adds here the function that lifts the data of the schema
before: it gets the fields by their short keys (`events.schema.SHORT`), secrets opened, and gives them as the next
schema has them. Functions are chained, so each lifts by one. An event that is renamed, or becomes several, has a
function that gives a list of what it is, each under the name and schema that it has then, to be lifted on from there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from events.schema import SHORT

Data = dict[str, Any]


class Lifted(NamedTuple):
    """What an old event is, or one of several: an event's name, its schema, and its data."""

    name: str
    schema: int
    data: Data


Upcaster = Callable[[Data], Data | Sequence[Lifted]]
Upcasters = Mapping[tuple[str, int], Upcaster]


def _name_remembered(data: Data) -> Data:
    """Lift `tail lost` 1, whose sessions were maps with a session's fields under their full names."""
    return {**data, "m": [_remembered(session) for session in data.get("m", ())]}


def _remembered(session: Data) -> Data:
    keys = ("engine", "set", "node", "relay_id", "from_tag", "to_tag", "branch", "handle", "status", "reason")
    lifted = {SHORT.get(key, key): session[key] for key in keys if key in session}
    return {"n": "", "i": "", **lifted, "s": session.get("number", session.get("session"))}


def _keep_words(data: Data) -> Data:
    """Lift `signalled` 1, whose verdict was words for people: those are kept, and the fold works the verdict out."""
    words = data.pop("verdict", "")
    return {**data, "verdict": None, **({"words": words} if words else {})}


UPCASTERS: Upcasters = {("tail lost", 1): _name_remembered, ("signalled", 1): _keep_words}
"""By event name and old schema."""
