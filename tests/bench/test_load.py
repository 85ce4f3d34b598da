from __future__ import annotations

from bench.calls import CALLER_SDP, Template, call_id, from_tag
from bench.load import outcome
from tests.peers.bencode import decode


def test_an_outcome_has_the_percentiles_of_its_latencies_in_ms() -> None:
    summed = outcome([n / 1000 for n in range(100, -1, -1)], [5.0, 7.0], errors=2, timeouts=3, began=4.0)
    assert (summed.p50, summed.p90, summed.p99, summed.max) == (50.0, 90.0, 99.0, 100.0)
    assert (summed.operations, summed.errors, summed.timeouts) == (101, 2, 3)
    assert summed.seconds == 3.0


def test_an_outcome_tells_of_the_first_and_the_thousandth_answer() -> None:
    summed = outcome([0.0], [float(n) for n in range(1, 2001)], errors=0, timeouts=0, began=0.0)
    assert (summed.first, summed.thousandth) == (1.0, 1000.0)


def test_the_thousandth_of_fewer_answers_is_the_last() -> None:
    assert outcome([0.0], [1.0, 2.0], errors=0, timeouts=0, began=0.0).thousandth == 2.0


def test_a_load_of_which_nothing_was_answered_has_no_rate() -> None:
    summed = outcome([], [], errors=0, timeouts=9, began=3.0)
    assert (summed.operations, summed.rate, summed.max) == (0, 0.0, 0.0)


def test_a_request_names_the_call_that_the_journal_is_filled_with() -> None:
    cookie, _, body = Template("offer", "live").fill(b"c_1", 17).partition(b" ")
    request, length = decode(body)
    assert isinstance(request, dict)
    assert (cookie, length) == (b"c_1", len(body))
    assert request[b"command"] == b"offer"
    assert request[b"sdp"] == CALLER_SDP
    assert request[b"call-id"] == call_id("live", 17).encode()
    assert request[b"from-tag"] == from_tag(17).encode()
