"""What a control node remembers of a call may be long over: another one went on with it. Nothing is said or done on it.

Here c1 (place 0) remembers a call that c2 (place 1) changed. A query at c1 keeps it in memory there.
"""

from __future__ import annotations

from actors.control.control import Control
from actors.control.steering import Wish
from actors.sip_requests import NO_DIALOG, WantedRequest
from engines.health import AdminState
from events.names import CallId, Leg, NodeName, Tag
from events.registry import CommandRefused
from events.verb import Verb
from replay.state import CallStatus
from tests.actors.simulation import Cluster
from tests.actors.sip_call import SipCall, ask, check_over


def offered(cluster: Cluster, call_id: CallId = CallId("c")) -> None:
    assert cluster.do(Verb.OFFER, call_id, a="A", sdp="caller")[b"result"] == b"ok"


def answered(cluster: Cluster, *, place: int) -> None:
    assert cluster.do(Verb.ANSWER, CallId("c"), a="A", b="B", sdp="callee", place=place)[b"result"] == b"ok"


def wish(cluster: Cluster, node: NodeName, admin: AdminState) -> None:
    """Let c2 take a node out of service."""

    async def tell() -> None:
        await Control(cluster.journal, cluster.nodes[1].table).steering.set_state(node, admin, Wish("a test"))
        await cluster.nodes[1].follower.look()

    cluster.run(tell())
    cluster.after(0.01)


def test_a_delete_by_a_party_that_another_control_node_brought_in_ends_the_call(cluster: Cluster) -> None:
    offered(cluster)
    answered(cluster, place=1)
    assert b"warning" not in cluster.do(Verb.DELETE, CallId("c"), a="B")
    cluster.after(1)
    assert cluster.state(CallId("c")).status is CallStatus.ENDED
    assert not any(relay.held() for relay in cluster.fakes.values())


def test_a_delete_that_names_nobody_is_told_so_on_the_journals_word_alone(cluster: Cluster) -> None:
    offered(cluster)
    version = len(cluster.stream(CallId("c")))
    assert cluster.do(Verb.DELETE, CallId("c"), a="nobody")[b"warning"] == b"Call-ID not found or tags didn't match"
    assert len(cluster.stream(CallId("c"))) == version
    cluster.nodes[0].journal.fail_before = 1
    assert cluster.do(Verb.DELETE, CallId("c"), a="nobody")[b"error-reason"] == b"Journal: a fault of the simulation"


def test_an_answer_goes_where_another_control_node_offered_last(cluster: Cluster) -> None:
    offered(cluster)
    answered(cluster, place=1)
    first = cluster.state(CallId("c")).sessions[1].node
    wish(cluster, first, AdminState.DISABLED)
    assert cluster.do(Verb.OFFER, CallId("c"), a="A", b="B", sdp="again", place=1)[b"result"] == b"ok"
    second = cluster.state(CallId("c")).sessions[2].node
    assert second != first
    assert cluster.do(Verb.ANSWER, CallId("c"), a="A", b="B", sdp="callee again")[b"result"] == b"ok"
    cluster.after(10)
    assert (len(cluster.relays[first].held()), len(cluster.relays[second].held())) == (0, 1)
    cluster.check_no_leak()


def test_a_node_is_not_asked_for_a_call_that_another_control_node_ended(cluster: Cluster) -> None:
    offered(cluster)
    assert cluster.do(Verb.DELETE, CallId("c"), place=1)[b"result"] == b"ok"
    before = {name: len(relay.commands) for name, relay in cluster.relays.items()}
    for verb in (Verb.QUERY, Verb.START_RECORDING):
        assert cluster.do(verb, CallId("c"), a="A")[b"error-reason"] == b"Unknown call-id"
    assert {name: len(relay.commands) for name, relay in cluster.relays.items()} == before


def test_due_work_is_begun_on_what_the_journal_says(cluster: Cluster) -> None:
    """c1 remembers an offer that nobody answered for so long that it would have to end the call."""
    offered(cluster)
    answered(cluster, place=1)
    for _ in range(13):
        cluster.after(5)
        assert cluster.do(Verb.QUERY, CallId("c"))[b"result"] == b"ok"

    async def attend() -> None:
        cluster.nodes[0].directory.attend(CallId("c"))

    cluster.run(attend())
    cluster.after(1)
    assert cluster.state(CallId("c")).status is CallStatus.LIVE


def test_calls_are_joined_where_they_are(cluster: Cluster) -> None:
    """c1 remembers another call of the same node, which c2 has ended."""
    offered(cluster)
    offered(cluster, CallId("other"))
    assert cluster.do(Verb.DELETE, CallId("other"), place=1)[b"result"] == b"ok"
    reply = cluster.do(Verb.CONNECT, CallId("c"), a="A", to_call_id=b"other")
    assert reply[b"error-reason"] == b"Unknown call-id"


def test_who_asks_where_a_call_is_hears_of_a_journal_that_fails(cluster: Cluster) -> None:
    offered(cluster)
    offered(cluster, CallId("other"))
    for _ in range(6):  # so that it is the other one that has to be checked
        cluster.after(5)
        cluster.do(Verb.QUERY, CallId("other"))
    cluster.nodes[0].journal.fail_before = 1
    reply = cluster.do(Verb.CONNECT, CallId("c"), a="A", to_call_id=b"other")
    assert reply[b"error-reason"] == b"Unknown call-id"
    assert not any(request[b"command"] == b"connect" for relay in cluster.relays.values() for request in relay.commands)


def test_no_request_of_ours_is_sent_in_a_dialog_that_another_control_node_ended(cluster: Cluster) -> None:
    call = SipCall(cluster)
    call.begin()
    call.tell("C BYE cseq=2 at=A", place=1)
    outcomes = ask(call, WantedRequest(Leg("callee"), Tag("tA"), "INFO"))
    cluster.after(10)
    assert outcomes == [NO_DIALOG]
    check_over(call)


def test_a_new_call_that_no_node_takes_is_refused_on_the_journals_word(cluster: Cluster) -> None:
    """c1 never heard of the call, and has no node for a new one; c2 has the call on a node."""
    offered(cluster)
    node = cluster.state(CallId("c")).sessions[1].node
    for name in cluster.relays:
        wish(cluster, NodeName(name), AdminState.DRAINING)
    reply = cluster.do(Verb.OFFER, CallId("c"), a="A", sdp="again", place=1)
    assert reply[b"result"] == b"ok", "it goes into the session that is there"
    assert cluster.relays[node].held() == {cluster.state(CallId("c")).sessions[1].relay_id}
    assert not any(isinstance(record.event, CommandRefused) for record in cluster.stream(CallId("c")))


def test_what_a_flow_decides_after_its_own_append_is_not_checked_again(cluster: Cluster) -> None:
    """An offer, an answer and a delete cost five appends, and one check for the answer."""
    journal = cluster.nodes[0].journal
    offered(cluster)
    answered(cluster, place=0)
    cluster.do(Verb.DELETE, CallId("c"), a="A")
    assert (journal.appends, journal.checks) == (5, 1)
