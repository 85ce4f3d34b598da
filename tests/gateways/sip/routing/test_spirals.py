"""A call that comes by the door twice has one relay, as if it had come once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
import structlog

from events.names import CallId, Tag
from events.registry import SipMessageSeen
from events.verdict import Fault
from gateways.sip.messages.incoming import IncomingRequest, IncomingResponse
from replay.state import CallStatus
from replay.verify import StreamCheck
from tests.actors.fake_relay import FakeRelay, text_of
from tests.actors.simulation import Cluster
from tests.gateways.sip.routing.spiral import Spiral
from tests.gateways.sip.routing.whole_door import CALLEE, CALLER, Incoming, WholeDoor, response_to
from tests.named_sdp import name_of, named

BOB, CAROL = "203.0.113.11", "203.0.113.12"


@pytest.fixture(autouse=True)
def verified(cluster: Cluster) -> Iterator[None]:
    """Have the journal verified after a test: what each message was taken for is what it would be taken for again."""
    yield
    check = StreamCheck(CallId("c"))
    check.take(cluster.stream(CallId("c")))
    assert check.findings == []


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


ADDED = b"a=x-app:1\r\n"


def test_an_offer_that_was_altered_between_the_passes_is_refused(cluster: Cluster) -> None:
    spiral = Spiral(cluster, BOB)
    with structlog.testing.capture_logs() as logs:
        assert (488, "") in got(spiral.invite(added=ADDED))
    (said,) = [each for each in logs if each["event"] == "sip message not relayed"]
    assert (said["call_id"], said["status"], said["cause"]) == ("c", 488, "altered")
    assert spiral.inner == {}
    assert told(cluster) == [("offer", "c")]
    assert Fault.ALTERED in faults(cluster)
    spiral.cancel()


def test_an_early_answer_that_was_altered_goes_on_without_a_session_description(cluster: Cluster) -> None:
    spiral = Spiral(cluster, BOB)
    spiral.invite()
    assert got(spiral.respond(BOB, 183, Tag("tB"), "b", added=ADDED)) == [(183, "")]
    assert got(spiral.respond(BOB, 200, Tag("tB"), "b")) == [(200, "relayed 2 of b")]
    assert told(cluster) == [("offer", "c"), ("answer", "b")]


def test_an_answer_that_was_altered_fails_the_call_for_both(cluster: Cluster) -> None:
    spiral = Spiral(cluster, BOB)
    spiral.invite()
    with structlog.testing.capture_logs() as logs:
        sent = spiral.respond(BOB, 200, Tag("tB"), "b", added=ADDED)
    assert got(sent) == [(488, "")]
    assert {each.method for each in sent if isinstance(each, IncomingRequest)} == {"ACK", "BYE"}
    assert [each["cause"] for each in logs if each["event"] == "sip message not relayed"] == ["altered"]
    cluster.after(5)
    assert (cluster.state(CallId("c")).status, relay_of(cluster).held()) == (CallStatus.ENDED, set())


def test_an_early_answer_that_is_overtaken_by_another_is_not_given_to_the_relay(cluster: Cluster) -> None:
    spiral = Spiral(cluster, BOB)
    spiral.invite()
    first = spiral.passed(BOB, 183, Tag("tB"), "b")
    second = spiral.passed(BOB, 183, Tag("tB"), "b2")
    assert [got(spiral.pass_back(each)) for each in (first, second)] == [[(183, "")], [(183, "relayed 3 of b2")]]
    assert told(cluster) == [("offer", "c"), ("answer", "b"), ("answer", "b2")]


def test_an_answer_that_cannot_be_relayed_in_the_second_pass_fails_the_call(cluster: Cluster) -> None:
    spiral = Spiral(cluster, BOB)
    spiral.invite()
    relay_of(cluster).restart()
    assert [code for code, _ in got(spiral.respond(BOB, 200, Tag("tB"), "b"))] == [
        500
    ]  # a 503 of another proxy's (16.7)
    cluster.after(5)
    assert (cluster.state(CallId("c")).status, relay_of(cluster).held()) == (CallStatus.ENDED, set())


def test_a_pass_that_no_relay_is_engaged_for_may_have_what_was_altered(cluster: Cluster) -> None:
    spiral = Spiral(cluster, BOB, CAROL, engages_again=False)
    spiral.invite(added=ADDED)
    assert spiral.inner[BOB].message.body == spiral.outer.message.body + ADDED
    for code in (183, 200):
        assert got(spiral.respond(BOB, code, Tag("tB"), "b", added=ADDED)) == [(code, "relayed 2 of b")]
    assert told(cluster) == [("offer", "c"), ("answer", "b")]
    spiral.end(Tag("tB"))
    assert (cluster.state(CallId("c")).status, relay_of(cluster).held()) == (CallStatus.ENDED, set())


def test_a_callee_who_repeats_the_record_routes_of_a_call_that_came_once_is_heard(cluster: Cluster) -> None:
    door = WholeDoor(cluster)
    (invite,) = [
        each
        for each in door.receive(door.request("INVITE", body=named("c")), CALLER)
        if isinstance(each, IncomingRequest)
    ]
    routes = invite.message.headers.getlist("Record-Route")
    invite.message.headers.setlist("Record-Route", [*routes, *routes])
    for code, sdp, given in ((183, "b", "relayed 2 of b"), (200, "b2", "relayed 3 of b2")):
        assert got(door.receive(response_to(invite, code, tag=Tag("tB"), body=named(sdp)), CALLEE)) == [(code, given)]


def faults(cluster: Cluster) -> set[Fault]:
    events = [record.event for record in cluster.stream(CallId("c"))]
    return {each.verdict.fault for each in events if isinstance(each, SipMessageSeen) and each.verdict is not None}
