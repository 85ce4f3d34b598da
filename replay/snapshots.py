"""Snapshots of the fold's state: made, read again, and compared with what the events say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from hashlib import blake2b
from typing import Any

from events.codec import Codec, UnreadableEntry, unpack
from events.names import CallId
from events.records import Recorded
from events.snapshot import Snapshot
from events.snapshot_codec import pack
from replay.fold import fold
from replay.plain_values import form_of
from replay.state import CallState

MEANING = 2
"""Raised whenever the same events fold to another state than before, though its classes stay as they are."""

_FORM = form_of(CallState)
SCHEMA = f"{MEANING}.{blake2b(_FORM.name.encode(), digest_size=6).hexdigest()}"
"""What snapshots of this program have: a change of the state's classes changes it by itself."""

_DIGEST = 16
_CODEC = Codec()


class UnusableSnapshot(ValueError):
    """A snapshot from which nothing can be rebuilt; the text says why."""


def take(state: CallState, last: Recorded) -> Snapshot:
    """Return the snapshot of a state that the entry `last` led to."""
    packed: bytes = pack(_FORM.write(state))  # type: ignore[misc]
    return Snapshot(state.version, SCHEMA, packed, _digest(SCHEMA, packed, last))


def restore(snapshot: Snapshot, last: Recorded) -> CallState:
    """Return the state of a snapshot; `last` is the entry that the stream has at its version.

    Raises UnusableSnapshot for one of another program or history, or a damaged one.
    """
    if snapshot.schema != SCHEMA:
        raise UnusableSnapshot(f"schema {snapshot.schema}, this program makes {SCHEMA}")
    if last.version != snapshot.version or snapshot.digest != _digest(SCHEMA, snapshot.state, last):
        raise UnusableSnapshot("it is damaged, or of another history")
    try:
        state: CallState = _FORM.read(unpack(snapshot.state))  # type: ignore[misc]
    except (UnreadableEntry, ValueError, TypeError) as error:
        raise UnusableSnapshot(f"no state: {error}") from error
    return state


def verify(call_id: CallId, snapshot: Snapshot, stream: Sequence[Recorded]) -> CallState:
    """Return the state that the stream, read from its beginning, has at the snapshot's version.

    Raises UnusableSnapshot if the snapshot cannot be used or says anything else, Inconsistent as the fold does.
    """
    there = stream[: snapshot.version]
    if len(there) < snapshot.version:
        raise UnusableSnapshot(f"of version {snapshot.version}, and the stream has {len(there)}")
    said, folded = restore(snapshot, there[-1]), fold(call_id, there)
    if said != folded:
        raise UnusableSnapshot(f"it differs from the events in {', '.join(_differences(said, folded))}")
    return folded


def _digest(schema: str, packed: bytes, last: Recorded) -> bytes:
    entry = _CODEC.encode(CallId(""), last)
    parts = (schema.encode(), b"%d" % last.version, entry.name, b"%d" % len(entry.payload), entry.payload + packed)
    return blake2b(b"\0".join(parts), digest_size=_DIGEST).digest()


def _differences(one: Any, other: Any) -> list[str]:
    return [each.name for each in fields(one) if getattr(one, each.name) != getattr(other, each.name)]
