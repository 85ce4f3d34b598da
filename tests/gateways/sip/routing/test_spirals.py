"""A call that comes by the door twice has one relay, as if it had come once."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from events.names import CallId, Tag
from gateways.sip.messages.incoming import IncomingResponse
from replay.state import CallStatus
from tests.actors.fake_relay import FakeRelay, text_of
from tests.actors.simulation import Cluster
from tests.gateways.sip.routing.spiral import Spiral
from tests.gateways.sip.routing.whole_door import CALLER, Incoming
from tests.named_sdp import name_of

BOB, CAROL = "203.0.113.11", "203.0.113.12"


def relay_of(cluster: Cluster) -> FakeRelay:
    (relay,) = cluster.relays.values()
    assert isinstance(relay, FakeRelay)
    return relay


def told(cluster: Cluster) -> list[tuple[str, str]]:
    """Return the offers and answers that the relay was given."""
    commands = [(text_of(each, b"command").decode(), each) for each in relay_of(cluster).commands]
    return [(verb, name_of(text_of(each, b"sdp"))) for verb, each in commands if verb in ("offer", "answer")]


def got(sent: Sequence[Incoming]) -> list[tuple[int, str]]:
    """Return the responses among messages, and the name of the session description of each."""
    responses = [each for each in sent if isinstance(each, IncomingResponse)]
    return [(each.status, name_of(each.message.body) if each.message.body else "") for each in responses]


def test_what_the_relay_gave_goes_on_in_the_other_pass_and_is_not_given_to_the_relay(cluster: Cluster) -> None:
    spiral = Spiral(cluster, BOB)
    spiral.invite()
    offered = spiral.inner[BOB].message.body
    assert offered == spiral.outer.message.body
    assert name_of(offered) == "relayed 1 of c"
    assert got(spiral.respond(BOB, 183, Tag("tB"), "b")) == [(183, "relayed 2 of b")]
    assert got(spiral.respond(BOB, 183, Tag("tB"), "b2")) == [(183, "relayed 3 of b2")]
    assert got(spiral.respond(BOB, 200, Tag("tB"), "b2")) == [(200, "relayed 3 of b2")]
    assert told(cluster) == [("offer", "c"), ("answer", "b"), ("answer", "b2")]


def test_an_offer_that_the_second_pass_forks_is_one_offer(cluster: Cluster) -> None:
    spiral = Spiral(cluster, BOB, CAROL)
    spiral.invite()
    assert {name_of(each.message.body) for each in spiral.inner.values()} == {"relayed 1 of c"}
    assert told(cluster) == [("offer", "c")]


def test_an_offer_that_a_response_makes_is_relayed_once(cluster: Cluster) -> None:
    spiral = Spiral(cluster, BOB)
    spiral.invite("")
    assert got(spiral.respond(BOB, 183, Tag("tB"), "b")) == [(183, "relayed 1 of b")]
    assert got(spiral.respond(BOB, 200, Tag("tB"), "b")) == [(200, "relayed 1 of b")]
    assert told(cluster) == [("offer", "b")]


@pytest.mark.parametrize("is_early", [False, True])
@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("offer", ["c", ""])
def test_a_call_ends_with_its_bye_though_the_second_pass_has_forked(
    cluster: Cluster, is_early: bool, fails: bool, offer: str
) -> None:
    spiral = Spiral(cluster, BOB, CAROL)
    spiral.invite(offer)
    for device, tag, sdp in ((BOB, Tag("tB"), "b"), (CAROL, Tag("tD"), "d")):
        assert len(spiral.respond(device, 183 if is_early else 180, tag, sdp if is_early else "")) == 1
    if fails:
        spiral.respond(BOB, 486, Tag("tB"))
    assert [code for code, _ in got(spiral.respond(CAROL, 200, Tag("tD"), "d"))] == [200]
    assert cluster.state(CallId("c")).dialogs() == ["tD"]
    spiral.end(Tag("tD"))
    state = cluster.state(CallId("c"))
    assert (state.status, relay_of(cluster).held()) == (CallStatus.ENDED, set())


def test_who_fails_in_the_second_pass_takes_nothing_from_the_others(cluster: Cluster) -> None:
    spiral = Spiral(cluster, BOB, CAROL)
    spiral.invite()
    spiral.respond(BOB, 486, Tag("tB"))
    assert relay_of(cluster).held()
    assert [code for code, _ in got(spiral.respond(CAROL, 486, Tag("tD")))] == [486]
    assert (cluster.state(CallId("c")).status, relay_of(cluster).held()) == (CallStatus.ENDED, set())


def test_a_call_that_is_cancelled_ends(cluster: Cluster) -> None:
    spiral = Spiral(cluster, BOB, CAROL)
    spiral.invite()
    spiral.respond(BOB, 180, Tag("tB"))
    spiral.respond(CAROL, 180, Tag("tD"))
    spiral.cancel()
    assert spiral.respond(BOB, 487, Tag("tB")) == []
    assert [code for code, _ in got(spiral.respond(CAROL, 487, Tag("tD")))] == [487]
    assert (cluster.state(CallId("c")).status, relay_of(cluster).held()) == (CallStatus.ENDED, set())


def test_a_party_is_reached_past_all_passes(cluster: Cluster) -> None:
    spiral = Spiral(cluster, BOB)
    spiral.invite()
    for code in (180, 200):
        spiral.respond(BOB, code, Tag("tB"), "b" if code == 200 else "")
        state = cluster.state(CallId("c"))
        assert state.sip_dialogs is not None
        reached = {leg: (party.routes, party.source) for (leg, _), party in state.sip_dialogs.parties.items()}
        assert reached == {"caller": ((), str(CALLER)), "callee": ((), f"udp:{BOB}:5060")}
