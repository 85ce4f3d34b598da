"""An offer in a dialog whose node does not take it: another one does, within the same request."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from engines.ng.bencode import NgDict
from events.names import CallId
from events.verb import Verb
from tests.actors.fake_relay import FakeNode
from tests.actors.simulation import Cluster
from tests.actors.sip_call import SipCall

Fault = Callable[[FakeNode], None]


def falls_silent(relay: FakeNode) -> None:
    relay.silent = True


def is_full(relay: FakeNode) -> None:
    relay.full = True


def loses_replies(relay: FakeNode) -> None:
    relay.lose_replies = 10


FAULTS = pytest.mark.parametrize("fault", [falls_silent, is_full, loses_replies])


@pytest.fixture(params=["rtpengine", "rtpproxy"])
def cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    made = Cluster(relays=2, engine=request.param)
    yield made
    made.close()


def at_node(cluster: Cluster, call_id: CallId = CallId("c")) -> str:
    """Return the node of a call's newest session."""
    return list(cluster.state(call_id).usable_sessions())[-1].node


def sdp(number: int) -> str:
    return f"v=0\r\no=- {number} 1 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"


def ok(reply: NgDict) -> bytes:
    assert reply[b"result"] == b"ok", reply
    given = reply[b"sdp"]
    assert isinstance(given, bytes)
    return given


@FAULTS
@pytest.mark.parametrize(("a", "b"), [("A", "B"), ("B", "A")])
def test_the_dialogs_next_offer_opens_a_session_elsewhere_and_the_answer_ends_the_old_one(
    cluster: Cluster, fault: Fault, a: str, b: str
) -> None:
    ok(cluster.do(Verb.OFFER, CallId("c"), a="A", sdp=sdp(1)))
    ok(cluster.do(Verb.ANSWER, CallId("c"), a="A", b="B", sdp=sdp(2)))
    before = at_node(cluster)
    fault(cluster.fakes[before])
    ok(cluster.do(Verb.OFFER, CallId("c"), a=a, b=b, sdp=sdp(3)))
    assert at_node(cluster) != before
    assert len(list(cluster.state(CallId("c")).usable_sessions())) == 2, "what the dialog has stays until the answer"
    ok(cluster.do(Verb.ANSWER, CallId("c"), a=a, b=b, sdp=sdp(4)))
    cluster.heal()
    cluster.after(30)
    assert [session.node for session in cluster.state(CallId("c")).remaining_sessions()] == [at_node(cluster)]
    cluster.check_no_leak()
    cluster.do(Verb.DELETE, CallId("c"), a="A")
    cluster.check_no_leak()


@FAULTS
def test_where_no_other_node_takes_it_the_dialog_keeps_its_session(cluster: Cluster, fault: Fault) -> None:
    ok(cluster.do(Verb.OFFER, CallId("c"), a="A", sdp=sdp(1)))
    ok(cluster.do(Verb.ANSWER, CallId("c"), a="A", b="B", sdp=sdp(2)))
    before = at_node(cluster)
    for relay in cluster.fakes.values():
        fault(relay)
    assert cluster.do(Verb.OFFER, CallId("c"), a="A", b="B", sdp=sdp(3))[b"result"] == b"error"
    cluster.heal()
    cluster.after(30)
    assert [session.node for session in cluster.state(CallId("c")).remaining_sessions()] == [before]
    cluster.check_no_leak()
    ok(cluster.do(Verb.OFFER, CallId("c"), a="A", b="B", sdp=sdp(4)))
    assert at_node(cluster) == before


@FAULTS
def test_an_offer_that_its_callee_rejects_leaves_the_dialog_where_it_was(fault: Fault) -> None:
    cluster = Cluster(relays=2)
    call = SipCall(cluster)
    call.begin()
    before = at_node(cluster)
    fault(cluster.fakes[before])
    assert call.tell("C INVITE at=A cseq=2 sdp=c2").sdp
    assert at_node(cluster) != before
    cluster.heal()
    call.tell("A 488 INVITE cseq=2")
    cluster.after(30)
    assert [session.node for session in cluster.state(CallId("c")).remaining_sessions()] == [before]
    cluster.check_no_leak()
    assert call.tell("A INVITE at=A cseq=1 sdp=a3").sdp
    assert at_node(cluster) == before, "its node is well again"
    cluster.close()
