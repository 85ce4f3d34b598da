"""Snapshots as bytes: with keys their state is sealed for its place; what cannot be read is none."""

from __future__ import annotations

import pytest

from events.names import CallId
from events.secrets import Keyring
from events.snapshot import Snapshot
from events.snapshot_codec import decode, encode

SNAPSHOT = Snapshot(7, "1.abc", b"a state with a session description", b"digest")
KEYS = Keyring([b"k" * 32])


@pytest.mark.parametrize("keys", [None, KEYS])
def test_a_snapshot_is_read_as_what_it_was(keys: Keyring | None) -> None:
    assert decode(CallId("call"), 7, encode(CallId("call"), SNAPSHOT, keys), keys) == SNAPSHOT


def test_a_sealed_state_is_not_to_be_seen_and_opens_in_its_place_alone() -> None:
    packed = encode(CallId("call"), SNAPSHOT, KEYS)
    assert b"session description" not in packed
    for call, version, keys in (("other", 7, KEYS), ("call", 8, KEYS), ("call", 7, None)):
        assert decode(CallId(call), version, packed, keys) is None


@pytest.mark.parametrize("packed", [b"", b"\xc1", b"\x80", b"\x93\x01\x02\x03", b"\x81\xa1s\x01"])
def test_garbage_is_no_snapshot(packed: bytes) -> None:
    assert decode(CallId("call"), 7, packed, None) is None
