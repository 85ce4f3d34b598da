"""A whole call through the Python API, with the control node dying at each of its steps in turn.

A message that nobody lived to answer is told again at the other control node, as a SIP stack does with one that comes
again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace

import pytest

from events.names import BranchId, CallId, Tag
from replay.state import Agreement
from rtp_relay.api.call import RelayCall
from rtp_relay.api.observed import Observed
from tests.actors.simulation import Cluster
from tests.replay.sip_story import message
from tests.rtp_relay.test_api_call import sdp

CALL = "call"
PATIENCE = 6.0  # s of virtual time
SET_UP = """
    C INVITE at=- branch=br0 sdp=c
    C INVITE at=- branch=br1 sdp=c
    A 183 INVITE branch=br0 sdp=a
    B 183 INVITE branch=br1 sdp=b
    A 200 INVITE branch=br0 sdp=a
"""
GO_ON = """
    C ACK
    B 487 INVITE branch=br1
    C INVITE cseq=2 sdp=hold
    A 488 INVITE cseq=2
    A INVITE cseq=7 sdp=moved
    C 200 INVITE at=A cseq=7 sdp=c2
    A ACK cseq=7
"""
BODIES = ("c", "a", "b", "hold", "moved", "c2")


class Teller:
    """Tells a story at the first control node, and where that has died at the second."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        cluster.call_ids.add(CALL)

    def call(self, place: int) -> RelayCall:
        node = self.cluster.nodes[place]
        return RelayCall(CALL, node.directory, self.cluster.journal)

    def tell(self, story: str) -> None:
        """Tell of all messages; each body has to be relayed, whoever does it."""
        for line in filter(None, map(str.strip, story.splitlines())):
            seeing = self.see(line)
            assert ("sdp=" in line) == (seeing.sdp is not None), (line, seeing)

    def see(self, line: str) -> Observed:
        event = message(line)
        if event.sdp is not None:
            event = replace(event, sdp=body(event.sdp.decode()))
        for place in (0, 1):
            if self.cluster.nodes[place].life.alive:
                try:
                    return self.cluster.run(asyncio.wait_for(self.call(place).see(event), PATIENCE))
                except TimeoutError:
                    assert not self.cluster.nodes[place].life.alive
        raise AssertionError("the second control node lives")

    def agreements(self) -> list[Agreement | None]:
        """Return what is agreed on each session: the answer that its node was told last."""
        return [session.agreement for session in self.cluster.state(CallId(CALL)).usable_sessions()]


def body(word: str) -> bytes:
    return sdp(4000 + 2 * BODIES.index(word))


@pytest.fixture(params=["rtpengine", "rtpproxy"])
def teller(request: pytest.FixtureRequest) -> Iterator[Teller]:
    cluster = Cluster(engine=request.param)
    teller = Teller(cluster)
    cluster.run(teller.call(1).engage(request.param))
    yield teller
    cluster.close()


@pytest.mark.parametrize("step", range(110))
def test_whoever_tells_the_rest_of_it_the_call_goes_on_and_nothing_is_left(teller: Teller, step: int) -> None:
    cluster = teller.cluster
    cluster.nodes[0].life.crossings = step
    teller.tell(SET_UP)
    assert Agreement(Tag("tC"), Tag("tA"), BranchId("br0"), body("c"), body("a")) in teller.agreements()
    teller.tell(GO_ON)
    cluster.after(20)  # what the dead node left undone has become due
    assert teller.agreements() == [Agreement(Tag("tA"), Tag("tC"), BranchId("br0"), body("moved"), body("c2"))]
    assert sum(len(relay.held()) for relay in cluster.fakes.values()) == 1
    assert teller.see("A BYE cseq=8").fault == ""
    cluster.after(60)
    assert not any(relay.held() for relay in cluster.fakes.values())
    assert list(cluster.state(CallId(CALL)).remaining_sessions()) == []
    cluster.check_versions()


def test_the_steps_cover_the_whole_call(teller: Teller) -> None:
    teller.tell(SET_UP + GO_ON)
    teller.see("A BYE cseq=8")
    assert teller.cluster.nodes[0].life.crossed < 110
