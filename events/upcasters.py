"""How events of older schemas become those of today.

A change of an event's fields raises its `schema` by one and adds here the function that lifts the data of the schema
before: it gets the fields by their short keys (`events.shapes.SHORT`), secrets opened, and gives them as the next
schema has them. Functions are chained, so each lifts by one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Data = dict[str, Any]
Upcaster = Callable[[Data], Data]
Upcasters = Mapping[tuple[str, int], Upcaster]

UPCASTERS: Upcasters = {}
"""By event name and old schema."""
