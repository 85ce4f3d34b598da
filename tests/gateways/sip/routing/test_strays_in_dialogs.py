"""Responses to a re-INVITE of a control node that has died come to another one on the same address."""

from __future__ import annotations

import pytest

from events.names import CallId, Tag
from gateways.sip.addresses import Hop
from gateways.sip.calls.bodies import sdp_of
from gateways.sip.messages.incoming import IncomingRequest, IncomingResponse
from replay.state import CallStatus
from tests.actors.simulation import Cluster
from tests.engines.sdp_bodies import AUDIO
from tests.gateways.sip.routing.whole_door import CALLEE, CALLER, Incoming, WholeDoor, response_to

BOTH = pytest.mark.parametrize("by_callee", [False, True])


def requests(came: list[Incoming], method: str) -> list[IncomingRequest]:
    return [sent for sent in came if isinstance(sent, IncomingRequest) and sent.method == method]


def responses(came: list[Incoming]) -> list[IncomingResponse]:
    return [sent for sent in came if isinstance(sent, IncomingResponse)]


def reinvite(cluster: Cluster, *, by_callee: bool, method: str = "INVITE") -> tuple[IncomingRequest, Hop]:
    """Return a re-INVITE or UPDATE as its receiver has it, and where that is; the control node that sent it is gone."""
    door = WholeDoor(cluster)
    (invite,) = requests(door.receive(door.request("INVITE", body=AUDIO), CALLER), "INVITE")
    door.receive(response_to(invite, 200, tag=Tag("tA"), body=AUDIO), CALLEE)
    door.receive(door.request("ACK", tag=Tag("tA")), CALLER)
    again = door.request(method, by_callee=by_callee, cseq=2, tag=Tag("tA"), body=AUDIO)
    sender, receiver = (CALLEE, CALLER) if by_callee else (CALLER, CALLEE)
    (sent,) = requests(door.receive(again, sender), method)
    return sent, receiver


@BOTH
def test_the_answer_goes_on_each_time_through_the_relay(cluster: Cluster, by_callee: bool) -> None:
    invite, receiver = reinvite(cluster, by_callee=by_callee)
    other = WholeDoor(cluster, 1)
    for _ in range(3):
        (answer,) = responses(other.receive(response_to(invite, 200, body=AUDIO), receiver))
        assert (answer.status, answer.cseq) == (200, 2)
        assert sdp_of(answer.message) not in (None, AUDIO)
    assert requests([sent for sent, _ in other.sent], "ACK") == []
    cluster.check_no_leak()


@BOTH
def test_a_failure_gets_its_ack_and_is_told(cluster: Cluster, by_callee: bool) -> None:
    invite, receiver = reinvite(cluster, by_callee=by_callee)
    other = WholeDoor(cluster, 1)
    came = other.receive(response_to(invite, 488), receiver)
    (ack,) = requests(came, "ACK")
    assert str(ack.message.uri) == f"sip:user@{receiver.host}"
    assert ack.message.headers.getlist("Via") == invite.message.headers.getlist("Via")[:1]
    assert [answer.status for answer in responses(came)] == [488]
    assert len(requests(other.receive(response_to(invite, 488), receiver), "ACK")) == 1
    state = cluster.state(CallId("c"))
    assert state.status is CallStatus.LIVE
    assert state.sip_dialogs is not None
    assert state.sip_dialogs.awaiting == {}


@BOTH
def test_the_answer_to_an_update_goes_on_through_the_relay(cluster: Cluster, by_callee: bool) -> None:
    update, receiver = reinvite(cluster, by_callee=by_callee, method="UPDATE")
    other = WholeDoor(cluster, 1)
    (answer,) = responses(other.receive(response_to(update, 200, body=AUDIO), receiver))
    assert (answer.status, answer.method, answer.cseq) == (200, "UPDATE", 2)
    assert sdp_of(answer.message) not in (None, AUDIO)
    assert other.receive(response_to(update, 200, body=AUDIO), receiver) == []
    cluster.check_no_leak()


@BOTH
def test_the_failure_of_an_update_is_told_and_gets_no_ack(cluster: Cluster, by_callee: bool) -> None:
    update, receiver = reinvite(cluster, by_callee=by_callee, method="UPDATE")
    other = WholeDoor(cluster, 1)
    (answer,) = other.receive(response_to(update, 488), receiver)
    assert isinstance(answer, IncomingResponse)
    assert answer.status == 488
    state = cluster.state(CallId("c"))
    assert state.sip_dialogs is not None
    assert state.sip_dialogs.awaiting == {}


@pytest.mark.parametrize("code", [200, 488])
@pytest.mark.parametrize(
    ("old", "new"),
    [(b";tag=tC", b";tag=x"), (b";tag=tA", b";tag=x"), (b"CSeq: 2", b"CSeq: 3"), (b"Call-ID: c", b"Call-ID: d")],
)
@BOTH
def test_what_is_of_no_reinvite_of_the_call_goes_nowhere(
    cluster: Cluster, by_callee: bool, old: bytes, new: bytes, code: int
) -> None:
    invite, receiver = reinvite(cluster, by_callee=by_callee)
    other, response = WholeDoor(cluster, 1), response_to(invite, code, body=AUDIO if code == 200 else b"")
    assert old in response
    assert other.receive(response.replace(old, new), receiver) == []
    assert len(other.receive(response, receiver)) in (1, 2)


@BOTH
def test_an_answer_that_cannot_be_relayed_ends_the_dialog(cluster: Cluster, by_callee: bool) -> None:
    invite, receiver = reinvite(cluster, by_callee=by_callee)
    cluster.relays["relay1"].silent = True
    other = WholeDoor(cluster, 1)
    other.receive(response_to(invite, 200, body=AUDIO), receiver, within=30)
    assert {answer.status for answer in responses([sent for sent, _ in other.sent])} == {503}
    assert {bye.to_tag for bye in requests([sent for sent, _ in other.sent], "BYE")} == {"tC", "tA"}


@BOTH
def test_an_answer_that_comes_again_and_cannot_be_relayed_any_more_ends_nothing(
    cluster: Cluster, by_callee: bool
) -> None:
    invite, receiver = reinvite(cluster, by_callee=by_callee)
    other, answer = WholeDoor(cluster, 1), response_to(invite, 200, body=AUDIO)
    other.receive(answer, receiver)
    cluster.relays["relay1"].silent = True
    other.receive(answer, receiver, within=30)
    assert requests([sent for sent, _ in other.sent], "BYE") == []
    assert cluster.state(CallId("c")).status is CallStatus.LIVE
