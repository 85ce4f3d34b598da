"""Whole calls through the kind and a dispatcher that keeps sessions as the real one does."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from engines.kind import Operation
from engines.mediaproxy.kind import MediaproxyKind
from engines.ng.bencode import NgDict, NgValue
from engines.request import NodeRequest
from engines.sdp.session import parse
from events.names import NO_TAG, RelayId, Tag
from events.verb import Verb
from tests.engines.exchanges import Told, run
from tests.engines.sdp_bodies import AUDIO
from tests.peers.mediaproxy_dispatcher import Reader, Sessions

KIND = MediaproxyKind()
CALLER = AUDIO
CALLEE = AUDIO.replace(b"10.0.0.1", b"10.0.0.2").replace(b"4000", b"6000")
VIDEO = b"m=video 4002 RTP/AVP 96\r\n"


@dataclass
class Call:
    """A call on a fake dispatcher, under an id of its own there."""

    relay: Sessions = field(default_factory=Sessions)
    relay_id: RelayId = RelayId("abc")

    def answer_to(self, command: bytes) -> bytes:
        (lines,) = Reader().feed(command)
        return self.relay.run(lines).encode()

    def do(self, verb: Verb, sdp: bytes, from_tag: bytes, to_tag: bytes = b"", cseq: NgValue = 1) -> list[int]:
        """Do an offer or answer that has to succeed, and give the ports of the new SDP."""
        reply = self.try_to(verb, sdp, from_tag, to_tag, cseq)
        assert reply.ok, reply
        new = reply[b"sdp"]
        assert isinstance(new, bytes)
        assert b"c=IN IP4 203.0.113.5\r\n" in new
        return [int(stream.port.text) for stream in parse(new).streams]

    def try_to(self, verb: Verb, sdp: bytes, from_tag: bytes, to_tag: bytes = b"", cseq: NgValue = 1) -> Told:
        request: NgDict = {b"from-tag": from_tag, b"sdp": sdp, b"cseq": cseq}
        request |= {b"to-tag": to_tag} if to_tag else {}
        operation = Operation(verb=verb, relay_id=self.relay_id, request=NodeRequest(request))
        return run(KIND.perform(operation), self.answer_to)[1]

    def tear_down(self, from_tag: Tag, to_tag: Tag) -> Told:
        operation = replace(KIND.teardown(self.relay_id, from_tag, to_tag), alone=True)
        return run(KIND.perform(operation), self.answer_to)[1]


def test_a_call_from_offer_to_delete() -> None:
    call = Call()
    to_callee = call.do(Verb.OFFER, CALLER, b"A")
    to_caller = call.do(Verb.ANSWER, CALLEE, b"A", b"B")
    assert to_callee != to_caller
    assert call.do(Verb.ANSWER, CALLEE, b"A", b"B") == to_caller, "a 200 after a 183 with the same SDP"
    assert set(call.relay.sessions) == {("abc", "A")}
    assert call.tear_down(Tag("A"), Tag("B")) == {b"result": b"ok"}
    assert call.relay.sessions == {}


def test_a_hold_by_either_party_keeps_the_ports() -> None:
    call = Call()
    to_callee, to_caller = call.do(Verb.OFFER, CALLER, b"A"), call.do(Verb.ANSWER, CALLEE, b"A", b"B")
    held = CALLER.replace(b"sendrecv", b"sendonly")
    assert call.do(Verb.OFFER, held, b"A", b"B", cseq=2) == to_callee
    assert call.do(Verb.ANSWER, CALLEE.replace(b"sendrecv", b"recvonly"), b"A", b"B", cseq=2) == to_caller
    assert call.do(Verb.OFFER, CALLEE, b"B", b"A", cseq=1) == to_caller
    assert call.do(Verb.ANSWER, CALLER, b"B", b"A", cseq=1) == to_callee
    assert set(call.relay.sessions) == {("abc", "A")}
    call.tear_down(Tag("A"), Tag("B"))
    assert call.relay.sessions == {}


def test_a_stream_added_and_one_taken_out_by_re_invites() -> None:
    call = Call()
    (to_callee,) = call.do(Verb.OFFER, CALLER, b"A")
    call.do(Verb.ANSWER, CALLEE, b"A", b"B")
    both = call.do(Verb.OFFER, CALLER + VIDEO, b"A", b"B", cseq=2)
    assert both[0] == to_callee
    assert len(set(call.do(Verb.ANSWER, CALLEE + VIDEO, b"A", b"B", cseq=2)) | set(both)) == 4
    off = VIDEO.replace(b"4002", b"0")
    assert call.do(Verb.OFFER, CALLER + off, b"A", b"B", cseq=3) == [to_callee, 0]


def test_without_a_cseq_a_re_invite_can_change_addresses_but_not_add_a_stream() -> None:
    call = Call()
    to_callee = call.do(Verb.OFFER, CALLER, b"A")
    call.do(Verb.ANSWER, CALLEE, b"A", b"B")
    assert call.do(Verb.OFFER, CALLER.replace(b"4000", b"4400"), b"A", b"B") == to_callee
    reply = call.try_to(Verb.OFFER, CALLER + VIDEO, b"A", b"B")
    assert reply == {b"result": b"error", b"error-reason": b"the relay gave 1 ports for 2 streams"}


def test_branches_are_sessions_of_their_own() -> None:
    relay = Sessions()
    one, other = Call(relay, RelayId("abc")), Call(relay, RelayId("abc#2"))
    assert one.do(Verb.OFFER, CALLER, b"A") != other.do(Verb.OFFER, CALLER, b"A")
    other.do(Verb.ANSWER, CALLEE, b"A", b"B2")
    one.tear_down(Tag("A"), NO_TAG)
    assert relay.call_ids == {"abc#2"}
    other.tear_down(Tag("A"), Tag("B2"))
    assert relay.call_ids == set()


def test_a_late_offer_is_the_callees() -> None:
    call = Call()
    to_caller = call.do(Verb.OFFER, CALLEE, b"B", b"A")
    assert call.do(Verb.ANSWER, CALLER, b"B", b"A") != to_caller
    call.tear_down(Tag("B"), Tag("A"))
    assert call.relay.sessions == {}


def test_a_session_that_is_gone_is_found_gone_and_nothing_is_left() -> None:
    call = Call()
    reply = call.tear_down(Tag("A"), Tag("B"))
    assert reply.unknown
    assert reply.ok
    assert call.relay.sessions == {}


def test_a_removal_is_not_taken_for_certain_while_no_relay_can_be_asked() -> None:
    call = Call()
    call.relay.full = True
    reply = call.tear_down(Tag("A"), Tag("B"))
    assert not reply.ok
    assert not reply.unknown


def test_a_ping_changes_nothing() -> None:
    call = Call()
    call.do(Verb.OFFER, CALLER, b"A")
    assert run(KIND.ping(), call.answer_to)[1] == {b"result": b"pong"}
    assert call.relay.call_ids == {"abc"}
