from __future__ import annotations

import contextlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.kind import MalformedReply
from engines.rtpproxy.replies import (
    MEANINGS,
    Counters,
    ErrorReply,
    Info,
    PortAllocation,
    parse_allocation,
    parse_capability,
    parse_counters,
    parse_done,
    parse_info,
    parse_version,
)
from engines.sdp.address import MediaAddress

PARSERS: list[Callable[[bytes], object]] = [
    parse_allocation,
    parse_capability,
    parse_counters,
    parse_done,
    parse_info,
    parse_version,
]


@pytest.mark.parametrize(
    ("reply", "allocation"),
    [
        (b"35000 203.0.113.5\n", PortAllocation(35000, MediaAddress(b"IP4", b"203.0.113.5"))),
        (b"35000 2001:db8::5 6\n", PortAllocation(35000, MediaAddress(b"IP6", b"2001:db8::5"))),
        (b"35000\n", PortAllocation(35000, None)),
        (b"0\n", ErrorReply(50)),
        (b"E72\n", ErrorReply(72)),
    ],
)
def test_allocation(reply: bytes, allocation: object) -> None:
    assert parse_allocation(reply) == allocation


def test_the_other_replies() -> None:
    assert parse_version(b"20040107\n") == 20040107
    assert parse_capability(b"1\n") is True
    assert parse_capability(b"0\n") is False
    assert parse_done(b"0\n") is None
    assert parse_done(b"E50\n") == ErrorReply(50)
    assert parse_counters(b"60 5 3 8 0\n") == Counters(ttl=60, from_party=5, to_party=3, relayed=8, dropped=0)
    assert parse_info(
        b"sessions created: 7\nactive sessions: 2\nactive streams: 4\npackets received: 9\npackets transmitted: 8\n"
    ) == Info(7, 2, 4, 9, 8)


@pytest.mark.parametrize(
    ("code", "unknown", "ports", "full"),
    [(50, True, False, False), (71, False, True, False), (72, False, True, False), (98, False, False, True)],
)
def test_refusals_that_mean_something_to_a_client(code: int, unknown: bool, ports: bool, full: bool) -> None:
    refusal = ErrorReply(code)
    assert (refusal.is_unknown_session, refusal.is_out_of_ports, refusal.is_full) == (unknown, ports, full)


def test_each_code_has_a_meaning_and_an_unknown_one_says_so() -> None:
    assert {72, 85, 99} < MEANINGS.keys()
    assert ErrorReply(37).meaning == "not an IP address and port"
    assert ErrorReply(1234).meaning == "an error that is not known"


@pytest.mark.parametrize("parser", PARSERS)
@pytest.mark.parametrize("reply", [b"", b"hello", b"E", b"-1", b"99999999 x y z", b"1 2 3"])
def test_what_is_no_reply_is_malformed(parser: Callable[[bytes], object], reply: bytes) -> None:
    with pytest.raises(MalformedReply, match="not a reply"):
        parser(reply)


@given(st.sampled_from(PARSERS), st.binary(max_size=60) | st.from_regex(rb"[E0-9 :.a-z\n]{0,60}"))
def test_no_reply_makes_a_parser_fail_in_another_way(parser: Callable[[bytes], object], reply: bytes) -> None:
    with contextlib.suppress(MalformedReply):
        parser(reply)
