"""Snapshots: the state of a call at a version, kept beside its stream so that rebuilding it need not read all of that.

A snapshot says nothing that the events do not say. One that cannot be read counts as none: the events are read instead.
"""

from __future__ import annotations

from events.values import value

EVERY = 100
"""After how many events of a call a snapshot is made; and how many entries are read in one piece."""

MARGIN = 50
"""How many entries up to a snapshot are read with it: what Redis may come back without, and is to be written again."""


@value
class Snapshot:
    """What the fold gave at a version.

    schema: the form that `state` has. digest: of all this and of the entry at the version (`replay.snapshots`), by
    which one of another history, or a damaged one, is known.
    """

    version: int
    schema: str
    state: bytes
    digest: bytes
