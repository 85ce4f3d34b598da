"""No node is asked to relay what is no session description, and what a node did not give is not made up."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from actors.flows.media.descriptions import NOTHING_RELAYED
from engines.ng.bencode import NgDict
from events.names import CallId
from events.verb import Verb
from rtp_relay.api.call import RelayCall
from rtp_relay.api.errors import RelayError
from tests.actors.fake_relay import FakeRelay
from tests.actors.simulation import Cluster
from tests.named_sdp import named

SDP = named("x")
ODD = {
    "an empty line first": b"\r\n" + SDP,
    "a lone LF first": b"\n" + SDP,
    "an empty line in the middle": SDP.replace(b"t=0 0", b"\r\nt=0 0"),
    "a CR in a line": SDP.replace(b"t=0 0\r\n", b"t=0 0\r"),
    "no stream": SDP.partition(b"m=")[0],
    "two addresses": SDP.replace(b"t=0 0", b"c=IN IP4 192.0.2.8\r\nt=0 0"),
    "not even v=0": SDP[5:],
}


@pytest.fixture(params=["rtpengine", "rtpproxy"])
def cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    cluster = Cluster(engine=request.param)
    yield cluster
    cluster.check_no_leak()
    cluster.close()


def asked(verb: Verb, cluster: Cluster, call: RelayCall, sdp: bytes) -> None:
    if verb is Verb.OFFER:
        cluster.run(call.offer(sdp, from_tag="tC"))
        return
    cluster.run(call.offer(SDP, from_tag="tC"))
    cluster.run(call.answer(sdp, from_tag="tC", to_tag="tA"))


@pytest.mark.parametrize("sdp", ODD.values(), ids=list(ODD))
@pytest.mark.parametrize("verb", [Verb.OFFER, Verb.ANSWER])
def test_what_is_no_session_description_is_refused(cluster: Cluster, verb: Verb, sdp: bytes) -> None:
    node = cluster.nodes[0]
    cluster.call_ids.add("c")
    call = RelayCall("c", node.directory, cluster.journal)
    cluster.run(call.engage(cluster.engine))
    with pytest.raises(RelayError, match="Failed to parse SDP"):
        asked(verb, cluster, call, sdp)
    cluster.run(call.delete())
    cluster.after(5)


class Mute(FakeRelay):
    """An rtpengine that agrees, and gives no session description."""

    def _answer(self, request: NgDict) -> NgDict:
        reply = super()._answer(request)
        reply.pop(b"sdp", None)
        return reply


def test_a_node_that_agrees_without_an_sdp_has_not_relayed_it() -> None:
    cluster = Cluster(relays=1)
    try:
        for relay in cluster.relays.values():
            relay.__class__ = Mute
        first, again = (cluster.do(Verb.OFFER, CallId("c"), a="A", sdp="x", place=place) for place in (0, 1))
        assert first[b"result"] != b"ok"
        assert again[b"result"] != b"ok"
        assert first[b"error-reason"] == NOTHING_RELAYED.encode()
        cluster.after(30)
        cluster.check_no_leak()
    finally:
        cluster.close()


def test_an_answer_without_an_sdp_is_none_either() -> None:
    cluster = Cluster(relays=1)
    try:
        assert cluster.do(Verb.OFFER, CallId("c"), a="A", sdp="x")[b"result"] == b"ok"
        for relay in cluster.relays.values():
            relay.__class__ = Mute
        assert cluster.do(Verb.ANSWER, CallId("c"), a="A", b="B", sdp="y")[b"result"] != b"ok"
        assert "answered" not in cluster.events(CallId("c"))
    finally:
        cluster.close()
