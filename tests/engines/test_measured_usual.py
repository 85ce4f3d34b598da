"""An rtpengine's statistics in their usual form, with anything in them that a SIP user or a long call may bring."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.measured import measured
from engines.ng.bencode import decode
from engines.ng.bulky import PartlyRead
from engines.reply import NodeReply
from engines.rtpengine import measured as usual
from engines.rtpengine.measured import measured_in
from events.names import Tag
from events.registry import MeasuredStream
from tests.engines.delete_replies import PARTIES, RELEASES, SOURCES, TEXTS, Medium, reply_of


def read(reply: bytes) -> tuple[MeasuredStream, ...]:
    return measured_in(NodeReply(PartlyRead({b"result": b"ok"}, reply)))


@settings(deadline=None)
@given(PARTIES, SOURCES, RELEASES)
def test_it_is_read_as_it_is_by_decoding(
    parties: list[tuple[bytes, bytes, list[Medium]]], sources: list[tuple[int, int]], release: int
) -> None:
    reply = reply_of(parties, sources, release)
    told = decode(reply)
    assert isinstance(told, dict)
    assert read(reply) == measured(told)


@given(TEXTS, TEXTS, st.integers(0, 10**18 - 1), RELEASES)
def test_it_is_not_taken_apart_for_what_users_choose(tag: bytes, kind: bytes, number: int, release: int) -> None:
    reply = reply_of([(b"name", tag, [(kind, 1, number, [7]), (kind, 2, number, [])])], [(7, number)], release)
    told = decode(reply)
    assert isinstance(told, dict)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(usual, "measured", None)
        assert read(reply) == measured(told)


def test_of_a_party_or_source_that_is_told_of_twice_the_first_counts() -> None:
    parties = [(b"a", b"a", [(b"audio", 1, number, [7])]) for number in (5, 6)]
    found = MeasuredStream(Tag("a"), 5, 5, (7,), errors=5, lost=1, jitter=1, mos=(1, 2, 3), round_trip=1)
    assert read(reply_of(parties, [(7, 1), (7, 2)], 10)) == (found,)
