"""Replies with statistics go through whole, though only their totals are read."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.ng.bencode import BencodeError, decode, encode
from engines.ng.bulky import PartlyRead, read_partly, read_relayed, totals_of, whole

REAL = (Path(__file__).parent / "golden_ng" / "rtpengine_query_reply").read_bytes().partition(b" ")[2]


def test_a_real_reply_is_read_in_part_and_kept_whole() -> None:
    read = read_partly(REAL)
    assert isinstance(read, PartlyRead)
    everything = decode(REAL)
    assert isinstance(everything, dict)
    assert read[b"result"] == b"ok"
    assert totals_of(read) == everything[b"totals"]
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


_COUNTS = st.permutations([b"packets", b"bytes", b"errors"])


@given(_COUNTS, _COUNTS, st.lists(st.integers(-1, 10**20), min_size=6, max_size=6))
def test_totals_are_read_as_any_reader_would_whatever_their_order(
    rtp: list[bytes], rtcp: list[bytes], numbers: list[int]
) -> None:
    counts = [
        b"".join(b"%d:%bi%de" % (len(name), name, n) for name, n in zip(names, numbers[at:], strict=False))
        for names, at in ((rtp, 0), (rtcp, 3))
    ]
    totals = b"d3:RTPd%be4:RTCPd%bee" % (counts[0], counts[1])
    reply = b"d4:tagsd1:f%d:%be6:totals%b6:result2:oke" % (300, b"x" * 300 + b"e", totals)
    read = read_partly(reply)
    if max(numbers) >= 2**63:
        assert read is None
    else:
        assert read is not None
        assert (read[b"result"], totals_of(read)) == (b"ok", decode(totals))


@pytest.mark.parametrize(
    "counts", [b"7:packetsi1e7:packetsi2e5:bytesi3e", b"7:packetsi01e5:bytesi3e6:errorsi0e", b"5:bytesi3e", b""]
)
def test_of_unusual_totals_the_thorough_reader_decides(counts: bytes) -> None:
    totals = b"d3:RTPd%be4:RTCPd7:packetsi1e5:bytesi3e6:errorsi0eee" % counts
    read = read_partly(b"d3:zzz300:%b6:totals%b6:result2:oke" % (b"x" * 300, totals))
    try:
        expected = decode(totals)
    except BencodeError:
        assert read is None
    else:
        assert read is not None
        assert (read[b"result"], totals_of(read)) == (b"ok", expected)


@given(st.binary(min_size=1, max_size=300))
def test_what_was_relayed_is_found_by_its_place(sdp: bytes) -> None:
    reply = b"d3:sdp%d:%b6:result2:oke" % (len(sdp), sdp)
    read = read_relayed(reply)
    assert isinstance(read, PartlyRead)
    assert read == decode(reply)
    assert read.whole == reply


@pytest.mark.parametrize(
    "reply",
    [
        b"d3:sdp0:6:result2:oke",
        b"d3:sdp03:v=06:result2:oke",
        b"d3:sdp4:v=06:result2:oke",
        b"d3:sdp3:v=06:result2:oke ",
        b"d3:sdp3:v=04:tagsde6:result2:oke",
        b"d3:sdp99999:v=06:result2:oke",
        b"d3:sdp3:v=06:result5:errore",
        b"d6:result2:oke",
        b"",
    ],
)
def test_a_reply_with_less_more_or_otherwise_is_left_to_the_thorough_reader(reply: bytes) -> None:
    assert read_relayed(reply) is None
