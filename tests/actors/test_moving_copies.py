"""Copies and recordings of a call that moves: who hears the call, where, and what the journal says."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from actors.commands.copies import AnswerCopy, DeleteCopy, OfferCopy
from actors.commands.media import PassThrough
from actors.commands.migration import MoveTarget
from actors.results import CopyOffered, Done, Moved, NodeAnswered, Refused
from actors.sip_requests import SipOutcome
from engines.request import NodeRequest
from engines.sdp.session import parse
from events.names import Leg, Tag
from events.registry import CopyLeftBehind, CopyMoved
from events.verb import Verb
from tests.actors.moving import MovingCall
from tests.actors.simulation import Cluster

COPY_STEPS = ["copy intended", "copy offered", "copy answered"]
REFUSAL = SipOutcome(488, "Not Acceptable Here")


def recorder(*ports: int, address: str = "IN IP4 203.0.113.9") -> bytes:
    """Return a recorder's answer, with a port for each stream."""
    lines = ["v=0", "o=- 1 1 IN IP4 203.0.113.9", "s=-", f"c={address}", "t=0 0"]
    lines += [f"m=audio {port} RTP/AVP 0\r\na=recvonly" for port in ports]
    return "".join(f"{line}\r\n" for line in lines).encode()


BOTH = recorder(6000, 6002)


class CopiedCall(MovingCall):
    """A call that can be copied and recorded."""

    def copy(self, name: str = "rec", *, answer: bytes = BOTH, legs: tuple[Leg, ...] = ()) -> None:
        """Begin a copy, which flows if there is an answer."""
        assert isinstance(self.command(OfferCopy(call_id=self.call_id, name=name, legs=legs)), CopyOffered)
        if answer:
            self.answer_copy(answer, name)

    def answer_copy(self, answer: bytes, name: str = "rec") -> None:
        """Let a recorder answer."""
        assert isinstance(self.command(AnswerCopy(call_id=self.call_id, name=name, sdp=answer)), Done)

    def pass_on(self, verb: Verb, **words: str) -> None:
        """Have a command of the ng protocol passed on."""
        said = NodeRequest({b"command": verb.encode(), **{key.encode(): word.encode() for key, word in words.items()}})
        command = PassThrough(call_id=self.call_id, verb=verb, from_tag=Tag("tC"), request=said, received_at=1)
        assert isinstance(self.command(command), NodeAnswered)

    def story(self) -> list[str]:
        """Name the events about copies, in order."""
        return [name for name in self.cluster.events(self.call_id) if name.startswith("copy")]

    def said(self, kind: type[CopyMoved] | type[CopyLeftBehind]) -> list[CopyMoved | CopyLeftBehind]:
        """Return the events of a kind."""
        return [event for one in self.cluster.stream(self.call_id) for event in one.events if isinstance(event, kind)]

    def heard(self, node: str = "") -> dict[str, list[int]]:
        """Return the ports to which an rtpengine sends each copy, by the copy's name."""
        calls = self.cluster.relays[node or self.session.node].calls
        subscriptions = [call.subscriptions for call in calls.values()]
        return {
            name.partition(b":")[2].decode(): [int(stream.port.text) for stream in parse(sdp).streams] if sdp else []
            for one in subscriptions
            for name, sdp in one.items()
        }

    def moves(self, target: str = "") -> Moved:
        """Have the call moved, and all settled."""
        moved = self.to_node(target or self.another_node())
        assert isinstance(moved, Moved), moved
        self.cluster.after(30)
        self.check_parties()
        self.cluster.check_no_leak()
        self.cluster.check_versions()
        return moved


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    made = Cluster(relays=2, rtpproxies=2)
    yield made
    made.close()


@pytest.fixture
def call(cluster: Cluster) -> CopiedCall:
    made = CopiedCall(cluster)
    made.answered()
    return made


def test_a_copy_goes_on_from_the_new_node_to_where_its_recorder_hears_it(call: CopiedCall) -> None:
    call.copy()
    moved = call.moves()
    assert moved.left_out == ()
    assert call.heard() == {"rec": [6000, 6002]}
    assert call.story() == [*COPY_STEPS, *COPY_STEPS, "copy moved"]
    (told,) = call.said(CopyMoved)
    assert isinstance(told, CopyMoved)
    assert (told.copy, told.session, told.flows) == ("rec", call.session.number, True)
    assert told.sdp == call.state.copies["rec"].offer


def test_it_flows_there_before_a_party_hears_of_the_new_node(call: CopiedCall) -> None:
    call.copy()
    new = call.another_node()
    call.callee.busy = 4
    call.to_node(new, within=0.05)
    assert call.caller.has != b""
    assert call.moved_legs() != ["callee", "caller"]
    assert call.heard(new) == call.heard(call.state.sessions[1].node) == {"rec": [6000, 6002]}


def test_its_recorder_is_told_of_the_new_node_and_may_answer_something_else(call: CopiedCall) -> None:
    call.copy()
    call.moves()
    call.answer_copy(recorder(7000, 7002))
    assert call.heard() == {"rec": [7000, 7002]}
    assert isinstance(call.command(DeleteCopy(call_id=call.call_id, name="rec", reason="enough")), Done)
    assert call.heard() == {}


def test_each_party_is_heard_where_it_was_though_the_new_offer_names_the_other_one_first(call: CopiedCall) -> None:
    call.copy()
    call.say("A INVITE cseq=7 sdp=a.2 at=A")
    call.say("C 200 INVITE cseq=7 sdp=c.2 at=A")
    call.say("A ACK cseq=7 at=A")
    call.moves()
    layout, ports = call.state.copies["rec"].layout, call.heard()["rec"]
    assert dict(zip(layout, ports, strict=True)) == {"caller:1": 6000, "callee:1": 6002}


def test_a_copy_that_was_not_answered_comes_along_and_waits_for_its_recorder(call: CopiedCall) -> None:
    call.copy(answer=b"")
    assert call.moves().left_out == ()
    assert call.heard() == {"rec": []}
    assert [told.flows for told in call.said(CopyMoved) if isinstance(told, CopyMoved)] == [False]
    call.answer_copy(BOTH)
    assert call.heard() == {"rec": [6000, 6002]}


def test_several_copies_come_along_each_as_it_was(call: CopiedCall) -> None:
    call.copy("one", answer=recorder(6000), legs=(Leg.CALLEE,))
    call.copy("two", answer=recorder(7000, 7002))
    call.moves()
    assert call.heard() == {"one": [6000], "two": [7000, 7002]}
    assert call.state.copies["one"].layout == ("callee:1",)


def test_a_copy_goes_to_a_node_of_another_kind(call: CopiedCall, cluster: Cluster) -> None:
    call.copy()
    moved = call.move(MoveTarget(engine="rtpproxy"))
    assert isinstance(moved, Moved)
    cluster.after(30)
    assert moved.left_out == ()
    assert sorted(cluster.rtpproxies[moved.node].copies.values()) == [
        "udp:203.0.113.9:6000",
        "udp:203.0.113.9:6002",
    ]
    call.moves("relay1")
    assert call.heard() == {"rec": [6000, 6002]}


def test_a_move_that_is_turned_back_leaves_the_copy_where_it_was(call: CopiedCall, cluster: Cluster) -> None:
    call.copy()
    before, new = call.session.node, call.another_node()
    call.callee.refuses = [REFUSAL]
    assert isinstance(call.to_node(new), Refused)
    cluster.after(30)
    assert call.heard(before) == {"rec": [6000, 6002]}
    assert call.heard(new) == {}
    assert "copy moved" not in call.story()
    assert call.state.copies["rec"].session == 1


def test_what_the_new_node_does_not_do_is_left_behind_with_its_reason(call: CopiedCall, cluster: Cluster) -> None:
    call.copy(answer=recorder(6000, 6002, address="IN IP6 2001:db8::9"))
    moved = call.move(MoveTarget(engine="rtpproxy"))
    assert isinstance(moved, Moved)
    (left,) = moved.left_out
    assert left.startswith("copy rec: ")
    assert "IPv4" in left
    cluster.after(30)
    assert call.state.copies == {}
    assert [told.reason for told in call.said(CopyLeftBehind) if isinstance(told, CopyLeftBehind)] == [left[10:]]
    assert not cluster.rtpproxies[moved.node].copies
    cluster.check_no_leak()


def test_a_node_that_does_one_thing_at_a_time_goes_on_recording_and_says_why_it_copies_nothing(
    call: CopiedCall, cluster: Cluster
) -> None:
    call.copy()
    call.pass_on(Verb.START_RECORDING)
    moved = call.move(MoveTarget(engine="rtpproxy"))
    assert isinstance(moved, Moved)
    assert moved.left_out == ("copy rec: rtpproxy copies or records a stream once at a time: stop the recording first",)
    assert cluster.rtpproxies[moved.node].recordings


def test_a_recording_goes_on_as_it_was_asked_for(call: CopiedCall, cluster: Cluster) -> None:
    call.pass_on(Verb.START_RECORDING, metadata="case 17")
    new = call.another_node()
    assert call.moves(new).left_out == ()
    asked = [one for one in cluster.relays[new].commands if one[b"command"] == b"start recording"]
    assert [one[b"metadata"] for one in asked] == [b"case 17"]
    assert call.session.recorded
    call.moves()
    assert call.session.recorded


@pytest.mark.parametrize("end", [Verb.STOP_RECORDING, Verb.PAUSE_RECORDING])
def test_a_recording_that_was_ended_or_paused_does_not_begin_again(
    call: CopiedCall, cluster: Cluster, end: Verb
) -> None:
    call.pass_on(Verb.START_RECORDING)
    call.pass_on(end)
    assert call.moves().left_out == ()
    assert not any(one.recorded for one in cluster.relays[call.session.node].calls.values())


def test_a_recording_that_the_new_node_does_not_make_is_named(call: CopiedCall, cluster: Cluster) -> None:
    call.pass_on(Verb.START_RECORDING)
    new = call.another_node()
    cluster.relays[new].no_recordings = True
    assert call.moves(new).left_out == ("recording: No recording method",)
    assert not call.session.recorded


def test_who_keeps_a_subscription_by_himself_is_named_and_it_ends(call: CopiedCall, cluster: Cluster) -> None:
    call.pass_on(Verb.SUBSCRIBE_REQUEST)
    assert call.moves().left_out == ("subscription made-up: who keeps it has to ask for it anew",)
    assert not any(one.subscriptions for relay in cluster.relays.values() for one in relay.calls.values())
    call.pass_on(Verb.SUBSCRIBE_REQUEST)
    call.pass_on(Verb.UNSUBSCRIBE)


def test_a_copy_that_is_ended_or_changed_while_the_call_moves_is_so_afterwards(
    call: CopiedCall, cluster: Cluster
) -> None:
    call.copy("ended")
    call.copy("changed")
    call.callee.busy = 2
    new = call.another_node()
    call.to_node(new, within=0.1)
    assert call.heard(new) == {"ended": [6000, 6002], "changed": [6000, 6002]}
    assert isinstance(call.command(DeleteCopy(call_id=call.call_id, name="ended", reason="enough"), within=0.1), Done)
    call.copy("changed", answer=recorder(8000), legs=(Leg.CALLER,))
    cluster.after(60)
    call.check_moves_end()
    assert call.session.node == new
    assert call.heard() == {"changed": [8000]}
    assert list(call.state.copies) == ["changed"]


def test_a_copy_leaves_a_dead_node_with_its_call(call: CopiedCall, cluster: Cluster) -> None:
    call.copy()
    call.pass_on(Verb.START_RECORDING)
    cluster.fakes[call.session.node].silent = True
    moved = call.to_node(call.another_node())
    assert isinstance(moved, Moved)
    assert moved.left_out == ()
    assert call.heard() == {"rec": [6000, 6002]}
    cluster.heal()
    cluster.after(200)
    cluster.check_no_leak()
