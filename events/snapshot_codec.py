"""Snapshots as bytes: a MessagePack map with `s`, the schema, `h`, the digest, and `d`, the state.

With keys configured the state is in `x`, sealed: it has session descriptions in it.
"""

from __future__ import annotations

from typing import Any

import msgpack  # type: ignore[import-untyped]

from events.call_keys import MissingKey
from events.codec import ERRORS, UnreadableEntry, unpack
from events.names import CallId
from events.secrets import Sealer, SecretError
from events.snapshot import Snapshot

pack = msgpack.Packer(unicode_errors=ERRORS).pack


def encode(call_id: CallId, snapshot: Snapshot, keys: Sealer | None) -> bytes:
    """Return a snapshot as MessagePack without its version; with keys, the state is sealed for its place."""
    entry: dict[str, Any] = {"s": snapshot.schema, "h": snapshot.digest}
    if keys is None:
        entry["d"] = snapshot.state
    else:
        entry["x"] = keys.seal(snapshot.state, _context(call_id, snapshot.version))
    packed: bytes = pack(entry)
    return packed


def decode(call_id: CallId, version: int, packed: bytes, keys: Sealer | None) -> Snapshot | None:
    """Return the snapshot of a version; None if it cannot be read."""
    try:
        match unpack(packed):
            case {"s": str(schema), "h": bytes(digest), "d": bytes(state)}:
                return Snapshot(version, schema, state, digest)
            case {"s": str(schema), "h": bytes(digest), "x": bytes(sealed)} if keys is not None:
                return Snapshot(version, schema, keys.open(sealed, _context(call_id, version)), digest)
    except (UnreadableEntry, SecretError, MissingKey):
        pass
    return None


def _context(call_id: CallId, version: int) -> bytes:
    return b"\0snapshot\0%d\0%s" % (version, call_id.encode(errors=ERRORS))
