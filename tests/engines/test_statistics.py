"""Statistics read without decoding all of them: what `engines.rtpengine.statistics` does, in C and in Python alike."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from functools import reduce
from pathlib import Path
from random import Random
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.measured import Row, measured
from engines.ng.bencode import BencodeError, NgValue, decode
from engines.rtpengine import statistics
from engines.rtpengine.measured import stream_of
from events.registry import MeasuredStream
from tests.both_kinds import both_kinds
from tests.engines.delete_replies import PARTIES, RELEASES, SOURCES, Medium, reply_of
from tests.peers.bencode import NgDict, encode

RECORDED = sorted((Path(__file__).parent / "recorded_deletes").iterdir())
KINDS = both_kinds(statistics)
IN_C = KINDS[1:]

MARKS = b"0123456789ilde:-\x00\xff"
EDITS = st.lists(
    st.tuples(st.sampled_from(["put", "cut", "copy", "end"]), st.floats(0, 1), st.floats(0, 1)), max_size=4
)
SOURCE: NgDict = {
    b"cumulative loss": 3,
    b"average MOS": {b"MOS": 42, b"jitter": 5},
    b"lowest MOS": {},
    b"highest MOS": {},
}


@pytest.fixture(params=KINDS, ids=lambda module: module.__name__)
def rows(request: pytest.FixtureRequest) -> Callable[[bytes], list[Row] | None]:
    found: Callable[[bytes], list[Row] | None] = request.param.rows
    return found


def streams(told: Iterable[Row]) -> tuple[MeasuredStream, ...]:
    return tuple(map(stream_of, told))


def decoded(reply: bytes) -> tuple[MeasuredStream, ...] | None:
    """Return what the thorough reader finds; None where it finds that a reply is broken."""
    try:
        told = decode(reply)
    except BencodeError:
        return None
    return measured(told) if isinstance(told, dict) else None


def edited(reply: bytes, edit: tuple[str, float, float]) -> bytes:
    how, where, which = edit
    at, length = int(where * len(reply)), 1 + int(40 * which)
    if how == "put":
        return reply[:at] + bytes([MARKS[int(which * (len(MARKS) - 1))]]) + reply[at + 1 :]
    if how == "cut":
        return reply[:at] + reply[at + length :]
    if how == "copy":
        return reply[:at] + reply[at : at + length] + reply[at:]
    return reply[:at]


def shuffled(told: NgValue, random: Random) -> NgValue:
    if isinstance(told, dict):
        return {key: shuffled(told[key], random) for key in random.sample(sorted(told), len(told))}
    return [shuffled(one, random) for one in told] if isinstance(told, list) else told


def in_order(told: NgValue) -> bytes:
    """Return a value as bencode, its keys in the order that they have."""
    if isinstance(told, dict):
        return b"d" + b"".join(in_order(key) + in_order(item) for key, item in told.items()) + b"e"
    return b"l" + b"".join(map(in_order, told)) + b"e" if isinstance(told, list) else encode({b"": told})[3:-1]


def with_streams(streams: list[NgValue], **more: NgValue) -> bytes:
    party: NgDict = {b"tag": b"a", b"medias": [{b"index": 1, b"type": b"audio", b"streams": streams}]}
    return in_order(
        {b"SSRC": {b"7": SOURCE}, **{key.encode(): said for key, said in more.items()}, b"tags": {b"a": party}}
    )


@pytest.mark.parametrize("file", RECORDED, ids=lambda file: file.name)
def test_a_real_reply_is_read_as_it_is_by_decoding(rows: Callable[[bytes], list[Row] | None], file: Path) -> None:
    told = rows(file.read_bytes())
    assert told is not None
    assert streams(told) == decoded(file.read_bytes())


@pytest.mark.parametrize("module", KINDS, ids=lambda module: module.__name__)
@settings(deadline=None)
@given(PARTIES, SOURCES, RELEASES, EDITS)
def test_what_is_changed_on_the_way_is_given_up_or_read_as_it_is_by_decoding(
    module: ModuleType,
    parties: Sequence[tuple[bytes, bytes, list[Medium]]],
    sources: Sequence[tuple[int, int]],
    release: int,
    edits: list[tuple[str, float, float]],
) -> None:
    reply = reduce(edited, edits, reply_of(parties, sources, release))
    told = module.rows(reply)
    assert told is None or streams(told) == decoded(reply)


@pytest.mark.parametrize("module", KINDS, ids=lambda module: module.__name__)
@settings(deadline=None)
@given(st.sampled_from(RECORDED), st.randoms(use_true_random=False))
def test_the_order_of_keys_changes_nothing(module: ModuleType, file: Path, random: Random) -> None:
    told = shuffled(decode(file.read_bytes()), random)
    found = module.rows(in_order(told))
    assert found is None or streams(found) == decoded(in_order(told))


@pytest.mark.parametrize("module", IN_C, ids=lambda module: module.__name__)
@pytest.mark.parametrize(
    "reply",
    [
        with_streams([{b"flags": [b"RTP"], b"SSRC": 7, b"stats": {b"bytes": 5, b"packets": 4}}]),
        with_streams([{b"flags": [b"RTCP"]}, {b"SSRC": 2**32}, {}], unknown={b"of": [1, {b"any": [b"form"]}]}),
        with_streams([{b"stats": {b"packets": -1}, b"stats_out": {b"bytes": 5}}], created=-5),
        with_streams([{b"ingress SSRCs": [{b"SSRC": one} for one in (-7, 8, 9, 7, 2**32, 1, 2, 3, 4)]}]),
        with_streams([{b"flags": 1, b"ingress SSRCs": [], b"SSRC": 7}]),
        in_order({b"result": b"ok"}),
        in_order({b"tags": {b"": {b"tag": b"", b"medias": [{b"streams": [{}]}]}}}),
        in_order({b"tags": {b"a": {b"tag": b"a" * 1025, b"medias": [{b"streams": [{}]}]}, b"b": {b"medias": []}}}),
    ],
)
def test_one_of_another_form_is_read_by_walking_through_it(module: ModuleType, reply: bytes) -> None:
    assert streams(module.rows(reply)) == decoded(reply)


@pytest.mark.parametrize("module", IN_C, ids=lambda module: module.__name__)
@pytest.mark.parametrize(
    "reply",
    [
        b"",
        b"d",
        b"de1:a",
        b"4:tags",
        b"d4:tagsdee"[:-1],
        b"d1:al" + b"l" * 40 + b"e" * 42,
        b"d4:tagsd1:ad3:tag1:a3:tag1:beee",
        b"d4:tagsd1:ad6:mediasle3:tag1:aeee",
        b"d4:tagsde4:SSRCdee",
        b"d1:xi01ee",
        b"d1:xi1234567890123456789ee",
        b"d1:x01:ae",
        b"d1:x999999:ae",
        b"d1:x9:aaae",
        b"d4:tagsd" + b"".join(b"%d:%dde" % (len(b"%d" % one), one) for one in range(65)) + b"ee",
        b"d4:SSRCd" + b"".join(b"%d:%dde" % (len(b"%d" % one), one) for one in range(65)) + b"ee",
        with_streams([{}]).replace(b"d5:index", b"d5:indexi1e5:index"),
        b"d1:x70000:" + b"x" * 70000 + b"e",
    ],
)
def test_what_it_makes_no_sense_of_or_cannot_remember_is_given_up(module: ModuleType, reply: bytes) -> None:
    assert module.rows(reply) is None


@pytest.mark.parametrize("module", IN_C, ids=lambda module: module.__name__)
def test_nothing_stays_behind_of_what_was_read_or_given_up(module: ModuleType) -> None:
    replies = [part for file in RECORDED for part in (file.read_bytes(), file.read_bytes()[:-1])]

    def read() -> None:
        for reply in replies:
            module.rows(reply)

    read()
    before = sys.getallocatedblocks()
    for _ in range(200):
        read()
    assert sys.getallocatedblocks() - before < 100


@pytest.mark.parametrize("module", IN_C, ids=lambda module: module.__name__)
def test_what_is_no_reply_is_a_type_error(module: ModuleType) -> None:
    with pytest.raises(TypeError, match="a reply is bytes"):
        module.rows("text")
