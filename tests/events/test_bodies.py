"""A call's session descriptions are stored once, and read wherever they are referred to."""

from __future__ import annotations

import json

import pytest

from events.bodies import Bodies, MissingBody
from events.codec import Codec, UnreadableEntry
from events.names import CallId
from tests.events.golden import CALL
from tests.events.golden_bodies import FILE, RECORDS, codecs, read, write
from tests.events.samples import RELAYED, SDP


@pytest.mark.parametrize("kind", ["clear", "sealed"])
def test_a_golden_stream_is_read_exactly(kind: str) -> None:
    entries = json.loads(FILE.read_text())[kind]
    assert read(codecs()[kind], entries) == RECORDS


@pytest.mark.parametrize("kind", ["clear", "sealed"])
def test_what_was_written_is_read_exactly(kind: str) -> None:
    codec = codecs()[kind]
    assert read(codec, write(codec)) == RECORDS


def test_each_body_is_stored_once() -> None:
    stored = b"".join(bytes.fromhex(payload) for _, payload in write(Codec()))
    assert (stored.count(SDP), stored.count(RELAYED), stored.count(b"short")) == (1, 1, 1)


@pytest.mark.parametrize("kind", ["clear", "sealed"])
def test_equal_records_share_a_mark_whatever_they_refer_to(kind: str) -> None:
    codec, bodies = codecs()[kind], Bodies()
    for one in RECORDS:
        assert codec.encode(CallId(CALL), one, bodies).mark == codec.encode(CallId(CALL), one).mark


def test_an_entry_refers_to_none_at_or_after_it() -> None:
    """As one that is written again after the journal has lost it and what followed."""
    bodies, codec = Bodies(), Codec()
    first = codec.encode(CallId(CALL), RECORDS[0], bodies)
    assert codec.encode(CallId(CALL), RECORDS[0], bodies) == first
    assert first.holders == ()


def test_a_holder_that_is_not_there_is_named() -> None:
    codec = Codec()
    entries = write(codec)
    with pytest.raises(MissingBody) as caught:
        codec.decode(CallId(CALL), entries[1][0].encode(), bytes.fromhex(entries[1][1]), 2)
    assert caught.value.versions == [1]


@pytest.mark.parametrize("place", [[2, "d"], [3, "d"], [1], "x", [1, 2], None])
def test_a_reference_to_nowhere_is_unreadable(place: object) -> None:
    codec = Codec()
    packed = codec._pack({"s": 1, "t": 0, "n": "", "d": {"s": 1, "o": 1, "f": "", "r": b""}, "r": {"d": place}})
    with pytest.raises(UnreadableEntry):
        codec.decode(CallId(CALL), b"offered", packed, 2)
