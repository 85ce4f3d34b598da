"""Responses to an INVITE of a control node that has died come to another one on the same address."""

from __future__ import annotations

import re
from typing import Any

import pytest

from events.names import CallId, Tag
from gateways.sip.addresses import Hop, SipTransport
from gateways.sip.messages.incoming import IncomingRequest, IncomingResponse
from gateways.sip.script.decisions import Decision
from gateways.sip.script.script import DefaultScript
from gateways.sip.script.views import Request
from replay.state import CallStatus
from tests.actors.simulation import Cluster
from tests.engines.sdp_bodies import AUDIO
from tests.gateways.sip.routing.whole_door import CALLEE, CALLER, HERE, Incoming, WholeDoor, response_to


class Forking(DefaultScript):
    """Has each INVITE go to two callees."""

    async def request(self, view: Request) -> Decision:
        if view.method == "INVITE":
            view.append_branch(view.uri)
            view.append_branch("sip:other@203.0.113.1")
        return await super().request(view)


@pytest.fixture
def invite(cluster: Cluster) -> IncomingRequest:
    """The INVITE as its callee has it; it rings there, and the control node that sent it is gone."""
    door = WholeDoor(cluster)
    (invite,) = [
        sent for sent in door.receive(door.request("INVITE", body=AUDIO), CALLER) if isinstance(sent, IncomingRequest)
    ]
    door.receive(response_to(invite, 180, tag=Tag("tA")), CALLEE)
    return invite


@pytest.fixture
def other(cluster: Cluster) -> WholeDoor:
    return WholeDoor(cluster, 1)


def acks(door: WholeDoor, response: bytes) -> list[IncomingRequest]:
    """Return the ACKs that the callee gets for a response."""
    came = door.receive(response, CALLEE)
    return [sent for sent in came if isinstance(sent, IncomingRequest) and sent.method == "ACK"]


def codes(door: WholeDoor, response: bytes) -> list[int]:
    """Return what the caller gets of a response of the callee."""
    return [sent.status for sent in door.receive(response, CALLEE) if isinstance(sent, IncomingResponse)]


def test_a_call_that_is_refused_is_over(cluster: Cluster, invite: IncomingRequest, other: WholeDoor) -> None:
    assert codes(other, response_to(invite, 486, tag=Tag("tA"))) == [486]
    cluster.after(1)
    state = cluster.state(CallId("c"))
    assert (state.status, state.reason) == (CallStatus.ENDED, "the INVITE failed")
    cluster.check_no_leak()


def test_an_answer_that_is_repeated_goes_on_each_time(
    cluster: Cluster, invite: IncomingRequest, other: WholeDoor
) -> None:
    answer = response_to(invite, 200, tag=Tag("tA"), body=AUDIO)
    assert [codes(other, answer) for _ in range(3)] == [[200]] * 3
    assert cluster.state(CallId("c")).status is CallStatus.LIVE
    assert codes(other, response_to(invite, 486, tag=Tag("tA"))) == []


def test_a_failure_gets_its_ack_as_often_as_it_comes(
    cluster: Cluster, invite: IncomingRequest, other: WholeDoor
) -> None:
    failure = response_to(invite, 486, tag=Tag("tA"))
    for _ in range(3):
        (ack,) = acks(other, failure)
        (via,) = ack.message.headers.getlist("Via")
        assert via == invite.message.headers.getlist("Via")[0]
        assert (ack.call_id, ack.from_tag, ack.to_tag, ack.cseq) == ("c", "tC", "tA", invite.cseq)
        assert str(ack.message.uri) in (str(invite.message.uri), "sip:bob@example.com")
        assert CALLEE in [hop for sent, hop in other.sent if sent is ack]
        cluster.after(1)


def test_the_caller_is_told_of_a_failure_until_its_ack_comes(
    cluster: Cluster, invite: IncomingRequest, other: WholeDoor
) -> None:
    def told() -> list[Incoming]:
        return [sent for sent, hop in other.sent if hop.host == CALLER.host]

    other.receive(response_to(invite, 486, tag=Tag("tA")), CALLEE)
    cluster.after(4)
    assert [sent.status for sent in told() if isinstance(sent, IncomingResponse)] == [486] * 4
    ack = re.sub(rb"branch=\S+", b"branch=z9hG4bK1", other.request("ACK", tag=Tag("tA"), routed=False))
    before = len(other.sent)
    other.receive(ack, CALLER)
    cluster.after(40)
    assert len(other.sent) == before


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b";tag=tC", b";tag=other"),
        (b"CSeq: 1", b"CSeq: 2"),
        (b".0.", b".1."),
        (b"Call-ID: c", b"Call-ID: d"),
        (b"198.18.0.1", b"198.18.0.2"),
    ],
)
def test_a_failure_of_anothers_invite_gets_no_ack(
    cluster: Cluster, invite: IncomingRequest, other: WholeDoor, old: bytes, new: bytes
) -> None:
    failure = response_to(invite, 486, tag=Tag("tA"))
    assert old in failure
    assert other.receive(failure.replace(old, new), CALLEE) == []
    assert cluster.state(CallId("c")).status is CallStatus.LIVE
    assert len(acks(other, failure)) == 1


def test_a_failure_that_nobody_could_write_down_gets_no_ack_before_somebody_has(
    cluster: Cluster, invite: IncomingRequest, other: WholeDoor
) -> None:
    failure = response_to(invite, 486, tag=Tag("tA"))
    other.receive(response_to(invite, 180, tag=Tag("tA")), CALLEE)
    cluster.nodes[1].journal.away = True
    assert acks(other, failure) == []
    cluster.after(20)
    assert acks(other, failure) == []
    cluster.nodes[1].journal.away = False
    cluster.after(20)
    assert len(acks(other, failure)) == 1


def test_a_failure_of_a_branch_beside_one_that_rings_is_told_to_nobody(cluster: Cluster, other: WholeDoor) -> None:
    door = WholeDoor(cluster, script=Forking("rtpengine"))
    to_a, to_b = [
        sent for sent in door.receive(door.request("INVITE", body=AUDIO), CALLER) if isinstance(sent, IncomingRequest)
    ]
    failed = [response_to(to_a, 486, tag=Tag("tA")), response_to(to_b, 404, tag=Tag("tB"))]
    (ack,) = other.receive(failed[0], CALLEE)
    assert isinstance(ack, IncomingRequest)
    assert ack.branch == to_a.branch
    assert cluster.state(CallId("c")).status is CallStatus.LIVE
    assert codes(other, failed[1]) == [404]
    assert [len(acks(other, failure)) for failure in failed] == [1, 1]
    cluster.after(1)
    assert cluster.state(CallId("c")).status is CallStatus.ENDED
    cluster.check_no_leak()


def test_the_failure_of_a_branch_beside_one_that_was_answered_is_told_to_nobody(
    cluster: Cluster, other: WholeDoor
) -> None:
    door = WholeDoor(cluster, script=Forking("rtpengine"))
    to_a, to_b = [
        sent for sent in door.receive(door.request("INVITE", body=AUDIO), CALLER) if isinstance(sent, IncomingRequest)
    ]
    assert codes(other, response_to(to_b, 200, tag=Tag("tB"), body=AUDIO)) == [200]
    for _ in range(2):
        (ack,) = other.receive(response_to(to_a, 487, tag=Tag("tA")), CALLEE)
        assert isinstance(ack, IncomingRequest)
        assert ack.branch == to_a.branch
    assert cluster.state(CallId("c")).status is CallStatus.LIVE
    assert other.receive(response_to(to_b, 486, tag=Tag("tB")), CALLEE) == []


@pytest.mark.parametrize(("callees_tag", "acknowledged"), [("tA", 1), ("tB", 0)])
def test_the_failure_of_an_invite_of_our_own_gets_its_ack(
    invite: IncomingRequest, other: WholeDoor, callees_tag: str, acknowledged: int
) -> None:
    other.receive(response_to(invite, 200, tag=Tag("tA"), body=AUDIO), CALLEE)
    failure = "\r\n".join(
        [
            "SIP/2.0 488 Not Acceptable Here",
            "Via: SIP/2.0/UDP 198.18.0.1:5060;branch=z9hG4bKown",
            "From: <sip:alice@example.com>;tag=tC",
            f"To: <sip:bob@example.com>;tag={callees_tag}",
            "Call-ID: c\r\nCSeq: 2 INVITE\r\nContent-Length: 0\r\n\r\n",
        ]
    )
    came = acks(other, failure.encode())
    assert [(str(ack.message.uri), ack.branch, ack.cseq) for ack in came] == [
        ("sip:user@203.0.113.1", "z9hG4bKown", 2)
    ] * acknowledged


def test_the_caller_is_not_told_that_a_server_behind_us_has_too_much_to_do(
    invite: IncomingRequest, other: WholeDoor
) -> None:
    assert codes(other, response_to(invite, 503, tag=Tag("tA"))) == [500]


def test_an_answer_that_cannot_be_relayed_ends_the_call_for_both(
    cluster: Cluster, invite: IncomingRequest, other: WholeDoor
) -> None:
    """As where the relay was on the machine that died."""
    cluster.relays["relay1"].silent = True
    other.receive(response_to(invite, 200, tag=Tag("tA"), body=AUDIO), CALLEE, within=5)
    told = {sent.status for sent, _ in other.sent if isinstance(sent, IncomingResponse)}
    assert told == {503}
    asked = [sent for sent, _ in other.sent if isinstance(sent, IncomingRequest)]
    assert {(sent.method, sent.cseq, sent.to_tag) for sent in asked} == {("ACK", 1, "tA"), ("BYE", 2, "tA")}
    cluster.after(1)
    assert cluster.state(CallId("c")).status is CallStatus.ENDED
    cluster.relays["relay1"].silent = False
    cluster.after(60)
    cluster.check_no_leak()


def cancelled(door: WholeDoor, hop: Hop = CALLER, **more: Any) -> list[Incoming]:
    """Have the caller cancel its INVITE; return what the door sends then."""
    return door.receive(door.request("CANCEL", **more), hop)


def test_a_cancel_ends_what_rings(cluster: Cluster, invite: IncomingRequest, other: WholeDoor) -> None:
    came = cancelled(other)
    assert [sent.status for sent in came if isinstance(sent, IncomingResponse)] == [200]
    (bye,) = [sent for sent in came if isinstance(sent, IncomingRequest)]
    assert (bye.method, bye.cseq, bye.from_tag, bye.to_tag) == ("BYE", 2, "tC", "tA")
    other.receive(response_to(bye, 200), CALLEE)
    assert codes(other, response_to(invite, 487, tag=Tag("tA"))) == [487]
    cluster.after(1)
    assert cluster.state(CallId("c")).status is CallStatus.ENDED
    cluster.check_no_leak()


ELSEWHERE = Hop(SipTransport.UDP, "198.51.100.66", 5060, HERE)


@pytest.mark.parametrize("more", [{"callers_tag": Tag("x")}, {"cseq": 2}, {"hop": ELSEWHERE}])
def test_a_cancel_of_another_or_from_elsewhere_ends_nothing(
    cluster: Cluster, invite: IncomingRequest, other: WholeDoor, more: Any
) -> None:
    (answer,) = cancelled(other, **more)
    assert isinstance(answer, IncomingResponse)
    assert answer.status == 481
    assert codes(other, response_to(invite, 200, tag=Tag("tA"), body=AUDIO)) == [200]
    assert [sent.status for sent in cancelled(other) if isinstance(sent, IncomingResponse)] == [481]
    assert cluster.state(CallId("c")).status is CallStatus.LIVE


def test_a_cancel_of_what_nobody_rings_for_ends_nothing(cluster: Cluster, other: WholeDoor) -> None:
    door = WholeDoor(cluster)
    door.receive(door.request("INVITE", body=AUDIO), CALLER)
    (answer,) = cancelled(other)
    assert isinstance(answer, IncomingResponse)
    assert answer.status == 481


def test_an_answer_that_comes_again_and_cannot_be_relayed_any_more_ends_nothing(
    cluster: Cluster, invite: IncomingRequest, other: WholeDoor
) -> None:
    answer = response_to(invite, 200, tag=Tag("tA"), body=AUDIO)
    assert codes(other, answer) == [200]
    cluster.relays["relay1"].silent = True
    other.receive(answer, CALLEE, within=5)
    assert [sent for sent, _ in other.sent if isinstance(sent, IncomingRequest)] == []
    assert cluster.state(CallId("c")).status is CallStatus.LIVE


def test_an_answer_that_crosses_the_end_of_what_rang_is_ended(
    cluster: Cluster, invite: IncomingRequest, other: WholeDoor
) -> None:
    (bye,) = [sent for sent in cancelled(other) if isinstance(sent, IncomingRequest)]
    other.receive(response_to(bye, 200), CALLEE)
    came = other.receive(response_to(invite, 200, tag=Tag("tA"), body=AUDIO), CALLEE, within=1)
    assert {sent.method for sent in came if isinstance(sent, IncomingRequest)} == {"ACK"}
    assert all(sent.status >= 400 for sent in came if isinstance(sent, IncomingResponse))
    cluster.after(60)
    assert cluster.state(CallId("c")).status is CallStatus.ENDED
    cluster.check_no_leak()


def test_an_answer_ends_what_rings_beside_it(cluster: Cluster, other: WholeDoor) -> None:
    door = WholeDoor(cluster, script=Forking("rtpengine"))
    to_a, to_b = [
        sent for sent in door.receive(door.request("INVITE", body=AUDIO), CALLER) if isinstance(sent, IncomingRequest)
    ]
    door.receive(response_to(to_a, 180, tag=Tag("tA")), CALLEE)
    answer = response_to(to_b, 200, tag=Tag("tB"), body=AUDIO)
    came = other.receive(answer, CALLEE)
    (bye,) = [sent for sent in came if isinstance(sent, IncomingRequest)]
    assert (bye.method, bye.to_tag, bye.message.headers.get("Reason")) == (
        "BYE",
        "tA",
        'SIP;text="Call completed elsewhere"',
    )
    assert [sent.status for sent in came if isinstance(sent, IncomingResponse)] == [200]
    other.receive(response_to(bye, 200), CALLEE)
    (ack,) = other.receive(response_to(to_a, 487, tag=Tag("tA")), CALLEE)
    assert (ack.method, ack.branch) == ("ACK", to_a.branch)
    (again,) = other.receive(answer, CALLEE)
    assert isinstance(again, IncomingResponse)
    cluster.after(300)
    state = cluster.state(CallId("c"))
    assert state.status is CallStatus.LIVE
    assert state.negotiation is not None
    assert state.negotiation.established() == ["tB"]
    cluster.check_no_leak()
