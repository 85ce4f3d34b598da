"""What another control node has written may not be as durable yet as was asked for: that it was read says nothing."""

from __future__ import annotations

import asyncio

import pytest

from events.journal import Unconfirmed
from events.names import CallId
from events.verb import Verb
from tests.actors.simulation import Cluster
from tests.actors.test_promises import sdp

CALL, SDP = CallId("c"), sdp(1)


@pytest.fixture
def unsure(cluster: Cluster) -> Cluster:
    """Return a cluster whose second control node has a journal that confirms appends and checks alone."""
    cluster.nodes[1].journal.reads_confirm = False
    return cluster


def test_a_repeated_request_is_not_answered_from_what_was_read_until_it_is_confirmed(
    unsure: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = unsure.do(Verb.OFFER, CALL, a="A", sdp=SDP)
    assert first[b"result"] == b"ok"
    second = unsure.nodes[1].journal
    with monkeypatch.context() as unconfirmed:
        unconfirmed.setattr(second, "check", lambda *_, **__: failing())
        refused = unsure.do(Verb.OFFER, CALL, a="A", sdp=SDP, place=1)
    assert refused == {b"result": b"error", b"error-reason": b"Journal: written, but not confirmed"}
    assert unsure.do(Verb.OFFER, CALL, a="A", sdp=SDP, place=1) == first
    assert second.checks == 1


def failing() -> asyncio.Future[int]:
    failed: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    failed.set_exception(Unconfirmed("written, but not confirmed"))
    return failed


def test_where_reading_confirms_nothing_more_is_asked(cluster: Cluster) -> None:
    assert cluster.do(Verb.OFFER, CALL, a="A", sdp=SDP)[b"result"] == b"ok"
    assert cluster.do(Verb.OFFER, CALL, a="A", sdp=SDP, place=1)[b"result"] == b"ok"
    assert cluster.nodes[1].journal.checks == 0


def test_calls_go_on_and_end_where_it_does_not(unsure: Cluster) -> None:
    assert unsure.do(Verb.OFFER, CALL, a="A", sdp=SDP)[b"result"] == b"ok"
    assert unsure.do(Verb.ANSWER, CALL, a="A", b="B", sdp=SDP, place=1)[b"result"] == b"ok"
    assert unsure.do(Verb.DELETE, CALL, a="A")[b"result"] == b"ok"
    unsure.after(10)
    unsure.check_no_leak()
