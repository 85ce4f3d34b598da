"""Offers without streams, with which call control by a third party begins (RFC 3725): they go on, without addresses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from events.names import Tag
from tests.actors.simulation import Cluster
from tests.gateways.sip.routing.test_nothing_passes_the_relay import Parties, bodies, requests, responses
from tests.gateways.sip.routing.whole_door import CALLEE, CALLER, WholeDoor

ADDRESS = b"IN IP4 192.0.2.1"
NO_STREAMS = b"v=0\r\no=alice 7 1 %b\r\ns=a call\r\nc=%b\r\nt=0 0\r\na=x:192.0.2.1\r\n" % (ADDRESS, ADDRESS)
GIVEN = b"v=0\r\no=alice 7 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"
BARE = ("bare", "application/sdp", NO_STREAMS)
PLAIN = ("plain", "application/sdp", b"%b")


@dataclass
class Stage:
    """The parties, who send what has no streams until `talk`."""

    parties: Parties
    cluster: Cluster

    @property
    def held(self) -> int:
        return len(self.cluster.relays["relay1"].calls)

    def begin(self) -> None:
        self.parties.dress = BARE
        assert bodies(self.parties.invite(delayed=False)) == [GIVEN]
        assert bodies(self.parties.answer("INVITE", 200)) == [GIVEN]
        assert requests(self.parties.ask("ACK", by_callee=False, has_sdp=False)) == [("ACK", False)]

    def talk(self) -> None:
        self.parties.dress = PLAIN


@pytest.fixture
def stage() -> Iterator[Stage]:
    cluster = Cluster(relays=1)
    yield Stage(Parties(WholeDoor(cluster)), cluster)
    cluster.close()


@pytest.mark.parametrize("by_callee", [False, True], ids=["caller", "callee"])
@pytest.mark.parametrize("asks", [False, True], ids=["", "asks"])
def test_the_first_streams_come_in_a_re_invite(stage: Stage, *, asks: bool, by_callee: bool) -> None:
    parties = stage.parties
    stage.begin()
    parties.door.cluster.after(600)  # the other party of whom the call is made may ring for long
    assert stage.held == 0
    stage.talk()
    sent = [*parties.ask("INVITE", by_callee=by_callee, has_sdp=not asks), *parties.answer("INVITE", 200)]
    if asks:
        ack = parties.door.request("ACK", by_callee=by_callee, cseq=parties.cseq, tag=Tag("tA"), body=parties.body())
        sent += parties.door.receive(ack, CALLEE if by_callee else CALLER)
    assert len(bodies(sent)) == 2
    assert all(b"s=relayed" in body and b"192.0.2.1" not in body for body in bodies(sent))
    assert stage.held == 1
    parties.ask("BYE", by_callee=by_callee, has_sdp=False)
    parties.door.cluster.after(1)
    assert stage.held == 0


def test_a_copy_gets_what_the_first_one_got(stage: Stage) -> None:
    parties = stage.parties
    parties.dress = BARE
    parties.invite(delayed=False)
    for code in (183, 183, 200):
        assert bodies(parties.answer("INVITE", code)) == [GIVEN]


def test_an_answer_with_streams_to_an_offer_without_does_not_go_on(stage: Stage) -> None:
    parties = stage.parties
    parties.dress = BARE
    parties.invite(delayed=False)
    stage.talk()
    sent = parties.answer("INVITE", 200)
    assert [code >= 400 for code, _ in responses(sent)] == [True]
    assert [method for method, _ in requests(sent)] == ["ACK", "BYE"]
    assert bodies(sent) == []


def test_an_answer_without_streams_to_an_offer_with_some_does_not_go_on(stage: Stage) -> None:
    parties = stage.parties
    parties.invite(delayed=False)
    parties.dress = BARE
    sent = parties.answer("INVITE", 200)
    assert responses(sent) == [(502, False)]
    assert bodies(sent) == []


@pytest.mark.parametrize("by_callee", [False, True], ids=["caller", "callee"])
def test_streams_that_were_there_cannot_be_left_out(stage: Stage, *, by_callee: bool) -> None:
    parties = stage.parties
    parties.invite(delayed=False)
    parties.answer("INVITE", 200)
    parties.ask("ACK", by_callee=False, has_sdp=False)
    parties.dress = BARE
    sent = parties.ask("INVITE", by_callee=by_callee)
    assert (requests(sent), responses(sent)[-1]) == ([], (400, False))


@pytest.mark.parametrize(
    "body",
    [
        NO_STREAMS.replace(b"a call", b"a call\rm=audio 4000 RTP/AVP 0\rc=IN IP4 192.0.2.1"),
        NO_STREAMS.replace(b"o=alice", b"o=alice\rm=audio"),
        NO_STREAMS.replace(b"o=", b"O="),
        NO_STREAMS + b"o=alice 7 1 IN IP4 192.0.2.1\r\n",
        NO_STREAMS + b" M=audio 4000 RTP/AVP 0\r\n",
        NO_STREAMS.replace(b"v=0", b"v=1"),
    ],
)
def test_what_only_looks_like_one_is_refused(stage: Stage, body: bytes) -> None:
    stage.parties.dress = ("", "application/sdp", body)
    sent = stage.parties.invite(delayed=False)
    assert (requests(sent), responses(sent)[-1]) == ([], (400, False))


def test_without_a_relay_it_goes_as_it_came() -> None:
    cluster = Cluster(relays=1)
    parties = Parties(WholeDoor(cluster, engine=""), dress=BARE)
    assert bodies(parties.invite(delayed=False)) == [NO_STREAMS]
    assert bodies(parties.answer("INVITE", 200)) == [NO_STREAMS]
    cluster.close()
