"""Replies with statistics go through whole, though only their totals are read."""

from __future__ import annotations

from pathlib import Path

from engines.ng.bencode import decode, encode
from engines.ng.bulky import PartlyRead, read_partly, whole

REAL = (Path(__file__).parent / "golden_ng" / "rtpengine_query_reply").read_bytes().partition(b" ")[2]


def test_a_real_reply_is_read_in_part_and_kept_whole() -> None:
    read = read_partly(REAL)
    assert isinstance(read, PartlyRead)
    everything = decode(REAL)
    assert isinstance(everything, dict)
    assert read == {b"result": b"ok", b"totals": everything[b"totals"]}
    assert read.whole == REAL
    assert whole(read) == everything


def test_an_error_and_a_small_reply_are_read_as_any_other() -> None:
    assert read_partly(b"d12:error-reason15:Unknown call-id6:result5:errore") is None
    assert read_partly(b"d6:result2:oke") is None


def test_totals_that_a_tag_only_pretends_to_be_are_not_taken() -> None:
    """A tag is the SIP user's to choose."""
    pretended = b"6:totalsd3:RTPd7:packetsi99eee6:result2:ok"
    reply = encode({b"tags": {pretended: {}}, b"zzz": b"x" * 300}).replace(b"1:x", b"1:x")[:-1] + b"6:result2:oke"
    assert read_partly(reply) is None


def test_a_reply_as_it_is_stays_as_it_is() -> None:
    assert whole({b"result": b"ok"}) == {b"result": b"ok"}
