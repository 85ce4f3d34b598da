"""[reconcile]: what relays hold compared with the journal, in the background."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rtp_relay.config import values
from rtp_relay.config.values import Reader


def _read_by(reader: Reader[Any]) -> Mapping[str, Reader[Any]]:
    return {"read": reader}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconcileConfig:
    """[reconcile]. every: seconds between two rounds, 0 for none. rate: sessions asked for a second.

    fix: whether orphans that are ours are deleted, if nothing was said of them for `older_than` seconds, and ghosts
    taken out of their calls. prefixes: how ids of sessions begin that are ours beside those that the journal knew.
    """

    every: float = field(default=0.0, metadata=_read_by(values.seconds(0)))
    rate: float = field(default=20.0, metadata=_read_by(values.number_above(0)))
    fix: bool = field(default=False, metadata=_read_by(values.boolean))
    older_than: float = field(default=600.0, metadata=_read_by(values.seconds(0)))
    prefixes: tuple[str, ...] = field(default=(), metadata=_read_by(values.list_of(values.text)))
