"""Calls that relays have and the journal has never heard of: taken over once, and looked after to their end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from actors.adoption import FORGET_AFTER, Adoption, Budget
from actors.node_table import NodeTable
from engines.ng.bencode import NgDict, encode
from engines.reply import NodeReply
from engines.rtpengine.held import held
from events.names import CallId, NodeName, RelayId
from events.registry import SessionAdopted
from events.verb import Verb
from replay.settings_changes import ChangeContextSettings
from replay.state import CallStatus
from tests.actors.fake_relay import FakeRelay, text_of
from tests.actors.moving import MovingCall
from tests.actors.simulation import Cluster
from tests.actors.sip_call import ENGAGED
from tests.named_sdp import named

CALL = CallId("c1")
UNKNOWN: NgDict = {b"result": b"error", b"error-reason": b"Unknown call-id"}
NOT_FOUND: NgDict = {b"result": b"ok", b"warning": b"Call-ID not found or tags didn't match"}


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    cluster = Cluster()
    yield cluster
    cluster.close()


def tell(relay: FakeRelay, verb: str, call_id: str = CALL, **words: str) -> None:
    """Tell a relay something without any control node knowing."""
    request: NgDict = {b"command": verb.encode(), b"call-id": call_id.encode(), b"sdp": named("X")}
    request |= {key.replace("_", "-").encode(): value.encode() for key, value in words.items()}
    relay.run(encode(request), encode(request))


def established(relay: FakeRelay, call_id: str = CALL) -> None:
    """Make a call of A and B on a relay directly."""
    tell(relay, "offer", call_id, from_tag="A", via_branch="b1")
    tell(relay, "answer", call_id, from_tag="A", to_tag="B", via_branch="b1")


def queries(relay: FakeRelay) -> int:
    return sum(text_of(command, b"command") == b"query" for command in relay.commands)


def test_an_offer_in_a_dialog_goes_to_the_node_that_has_it(cluster: Cluster) -> None:
    established(cluster.relays["relay2"])
    assert cluster.do(Verb.OFFER, CALL, a="B", b="A", sdp="Y")[b"result"] == b"ok"
    assert cluster.do(Verb.ANSWER, CALL, a="B", b="A", sdp="Z")[b"result"] == b"ok"
    state = cluster.state(CALL)
    assert [session.node for session in state.sessions.values()] == ["relay2"]
    assert [session.relay_id for session in state.sessions.values()] == [RelayId(CALL)]
    assert [(d.from_tag, d.to_tag, d.branch) for d in state.sessions[1].dialogs] == [("A", "B", "b1")]
    assert state.answered
    cluster.do(Verb.DELETE, CALL, a="A")
    cluster.after(1)
    assert cluster.state(CALL).status is CallStatus.ENDED
    cluster.check_no_leak()


COMMANDS: dict[str, dict[str, Any]] = {
    Verb.OFFER: {"a": "A", "b": "B", "sdp": "Y"},
    Verb.ANSWER: {"a": "A", "b": "B", "branch": "b1", "sdp": "Y"},
    Verb.DELETE: {"a": "B"},
    Verb.QUERY: {},
    "start recording": {"a": "A"},
}


@pytest.mark.parametrize("verb", COMMANDS)
def test_every_command_that_begins_no_call_takes_one_over(cluster: Cluster, verb: Verb) -> None:
    established(cluster.relays["relay1"])
    assert cluster.do(verb, CALL, **COMMANDS[verb])[b"result"] == b"ok"
    assert cluster.events(CALL)[0] == "adopted"
    cluster.do(Verb.DELETE, CALL)
    cluster.after(1)
    cluster.check_no_leak()


def test_the_first_offer_of_a_call_asks_nobody(cluster: Cluster) -> None:
    assert cluster.do(Verb.OFFER, CALL, a="A", sdp="X")[b"result"] == b"ok"
    assert cluster.do(Verb.ANSWER, CALL, a="A", b="B", sdp="Y")[b"result"] == b"ok"
    assert [queries(relay) for relay in cluster.relays.values()] == [0, 0]


def test_an_offer_without_an_answer_is_taken_over_with_its_branches(cluster: Cluster) -> None:
    relay = cluster.relays["relay1"]
    tell(relay, "offer", from_tag="A", via_branch="b1")
    tell(relay, "offer", from_tag="A", via_branch="b2")
    assert cluster.do(Verb.ANSWER, CALL, a="A", b="B", branch="b2", sdp="Y")[b"result"] == b"ok"
    cluster.do(Verb.DELETE, CALL, a="A", branch="b1")
    assert {(d.from_tag, d.to_tag, d.branch) for d in cluster.state(CALL).sessions[1].dialogs} == {("A", "B", "b2")}
    cluster.do(Verb.DELETE, CALL, a="B")
    cluster.after(1)
    cluster.check_no_leak()


def test_an_offer_that_nobody_answers_is_given_up_as_any_other(cluster: Cluster) -> None:
    tell(cluster.relays["relay1"], "offer", from_tag="A")
    cluster.do(Verb.QUERY, CALL)
    assert not cluster.state(CALL).answered
    cluster.after(100)
    assert cluster.state(CALL).status is CallStatus.ENDED
    cluster.check_no_leak()


@pytest.mark.parametrize("verb", COMMANDS)
def test_what_no_node_knows_is_unknown_and_not_asked_for_again_soon(cluster: Cluster, verb: Verb) -> None:
    expected = NOT_FOUND if verb == Verb.DELETE else UNKNOWN
    if verb != Verb.OFFER:  # that makes a session of its own
        assert cluster.do(verb, CALL, **COMMANDS[verb]) == expected
        assert cluster.do(verb, CALL, **COMMANDS[verb]) == expected
    else:
        assert cluster.do(verb, CALL, **COMMANDS[verb])[b"result"] == b"ok"
    assert [queries(relay) for relay in cluster.relays.values()] == [1, 1]
    assert "adopted" not in cluster.events(CALL)


def test_it_is_asked_for_again_later(cluster: Cluster) -> None:
    assert cluster.do(Verb.QUERY, CALL) == UNKNOWN
    established(cluster.relays["relay1"])
    assert cluster.do(Verb.QUERY, CALL) == UNKNOWN
    cluster.after(FORGET_AFTER / 1000)
    assert cluster.do(Verb.QUERY, CALL)[b"result"] == b"ok"


def test_a_flood_of_unknown_calls_is_no_flood_of_queries() -> None:
    cluster = Cluster(budget=Budget(rate=10, burst=20, _left=20))
    asked = [cluster.ask(Verb.QUERY, CallId(f"flood{number}")) for number in range(500)]
    cluster.after(1)
    full: NgDict = {b"result": b"error", b"error-reason": b"Parallel session limit reached"}
    assert [one.reply for one in asked].count(UNKNOWN) <= 31
    assert all(one.reply in (UNKNOWN, full) for one in asked)
    assert queries(cluster.relays["relay1"]) <= 31
    assert cluster.nodes[0].adoption is not None
    counted = cluster.nodes[0].adoption.counters
    assert counted.not_found + counted.refused == 500
    cluster.after(1)
    established(cluster.relays["relay1"])
    assert cluster.do(Verb.QUERY, CALL)[b"result"] == b"ok"
    cluster.close()


def test_deletes_of_calls_that_never_had_a_relay_are_no_trouble_however_many(cluster: Cluster) -> None:
    asked = [cluster.ask(Verb.DELETE, CallId(f"plain{number}"), a="A") for number in range(1000)]
    cluster.after(1)
    assert all(one.reply == NOT_FOUND for one in asked)


def test_without_adoption_nobody_is_asked() -> None:
    cluster = Cluster(adopts=False)
    established(cluster.relays["relay1"])
    assert cluster.do(Verb.QUERY, CALL) == UNKNOWN
    assert queries(cluster.relays["relay1"]) == 0
    cluster.close()


def test_two_control_nodes_that_take_it_over_at_once_make_one_history(cluster: Cluster) -> None:
    established(cluster.relays["relay1"])
    asked = [cluster.ask(Verb.QUERY, CALL, place=place) for place in (0, 1)]
    cluster.after(1)
    assert all(one.ok for one in asked)
    assert cluster.events(CALL) == ["adopted"]
    counters = [node.adoption.counters for node in cluster.nodes if node.adoption]
    assert sum(each.asked for each in counters) == 2
    assert sum(each.adopted for each in counters) == 1


def test_on_two_nodes_the_newest_has_the_dialog_and_both_go_with_the_call(cluster: Cluster) -> None:
    for relay in cluster.relays.values():
        established(relay)
    assert cluster.do(Verb.OFFER, CALL, a="A", b="B", sdp="Y")[b"result"] == b"ok"
    assert cluster.do(Verb.ANSWER, CALL, a="A", b="B", sdp="Z")[b"result"] == b"ok"
    cluster.after(1)
    assert len([relay for relay in cluster.relays.values() if relay.held()]) == 1
    cluster.do(Verb.DELETE, CALL, a="A")
    cluster.after(1)
    cluster.check_no_leak()


def test_a_node_that_does_not_answer_holds_up_nobody_for_long_and_is_asked_again(cluster: Cluster) -> None:
    cluster.relays["relay1"].silent = True
    established(cluster.relays["relay1"])
    assert cluster.do(Verb.QUERY, CALL) == UNKNOWN
    cluster.relays["relay1"].silent = False
    assert cluster.do(Verb.QUERY, CALL)[b"result"] == b"ok"


def test_one_that_answers_is_found_beside_one_that_does_not(cluster: Cluster) -> None:
    cluster.relays["relay1"].silent = True
    established(cluster.relays["relay2"])
    assert cluster.do(Verb.QUERY, CALL)[b"result"] == b"ok"


def test_an_id_of_another_calls_session_is_left_alone(cluster: Cluster) -> None:
    established(cluster.relays["relay1"], "c1#2")
    assert cluster.do(Verb.DELETE, CallId("c1#2")) == NOT_FOUND
    assert cluster.relays["relay1"].held() == {"c1#2"}


@pytest.mark.parametrize("verb", COMMANDS)
def test_what_another_call_has_under_that_name_is_left_alone(verb: Verb) -> None:
    """Its settings name its session so; it was made by another door, which shares the nodes."""
    cluster = Cluster(relays=1)
    call = MovingCall(cluster, CallId("its-own"))
    call.say("C INVITE at=- sdp=c", changes=[ENGAGED, ChangeContextSettings(values={"callid": CALL})])
    call.say("A 200 INVITE sdp=a")
    relay = cluster.relays["relay1"]
    assert relay.held() == {CALL}
    for place in (0, 1):
        reply = cluster.do(verb, CALL, **COMMANDS[verb], place=place)
        assert reply.get(b"warning") or reply[b"result"] == b"error", reply
    assert relay.held() == {CALL}
    call.check_parties()
    call.say("C BYE at=A")
    cluster.after(1)
    assert relay.held() == set()
    if verb is not Verb.DELETE:  # that was noted
        established(relay)
        assert cluster.do(Verb.QUERY, CALL)[b"result"] == b"ok", "the name is nobody's any more"
    cluster.close()


@pytest.mark.parametrize("verb", COMMANDS)
def test_a_control_node_that_dies_at_any_step_leaves_no_session_behind(verb: Verb) -> None:
    for step in range(12):
        cluster = Cluster()
        established(cluster.relays["relay1"])
        cluster.nodes[0].life.crossings = step
        cluster.ask(verb, CALL, place=0, **COMMANDS[verb])
        cluster.after(3)
        cluster.heal()
        cluster.do(Verb.DELETE, CALL, place=1)
        cluster.after(300)
        cluster.check_versions()
        cluster.check_no_leak()
        cluster.close()


@pytest.mark.parametrize(
    "tags",
    [
        b"nothing",
        {},
        [b"A"],
        {b"A": b"B"},
        {b"A": {b"tag": 1}},
        {b"A": {b"tag": b"A", b"subscriptions": b"B"}},
        {b"A": {b"tag": b"\xff", b"subscriptions": [{b"tag": b"B"}]}, b"B": {b"tag": b"B"}},
        {b"%d" % n: {b"tag": b"%d" % n, b"in dialogue with": b"%d" % (n + 1)} for n in range(65)},
    ],
)
def test_a_reply_that_makes_no_sense_is_none(tags: Any) -> None:
    assert held(NodeReply({b"result": b"ok", b"tags": tags})) is None


def test_of_a_garbled_reply_of_which_the_end_can_be_read(cluster: Cluster) -> None:
    relay = cluster.relays["relay1"]
    established(relay)
    run: Callable[[bytes, bytes], bytes] = relay.run
    garbled = b"d4:tagsd" + b"?" * 300 + b"e6:totalsd3:RTPd7:packetsi1eee6:result2:oke"
    relay.run = lambda cookie, command: garbled if b"query" in command else run(cookie, command)  # type: ignore[method-assign]
    reply = cluster.do(Verb.ANSWER, CALL, a="A", b="B", sdp="Y")
    assert reply == UNKNOWN
    assert cluster.events(CALL) == []


def test_releases_that_know_one_other_party_only() -> None:
    tags: NgDict = {
        b"A": {b"tag": b"A", b"in dialogue with": b"B"},
        b"B": {b"tag": b"B", b"in dialogue with": b"A", b"via-branch": b"b1"},
    }
    told = held(NodeReply({b"result": b"ok", b"tags": tags, b"created": 1_700_000_000}))
    assert told is not None
    assert [(d.from_tag, d.to_tag, d.branch) for d in told.dialogs] == [("A", "B", "b1")]
    assert told.created == 1_700_000_000_000


def test_who_has_a_branch_was_offered_to_also_where_it_came_first() -> None:
    tags: NgDict = {
        b"B": {b"tag": b"B", b"subscribers": [{b"tag": b"A", b"type": b"offer/answer"}], b"via-branch": b"b1"},
        b"A": {b"tag": b"A"},
        b"R": {b"tag": b"R", b"subscriptions": [{b"tag": b"A", b"type": b"pub/sub"}]},
    }
    told = held(NodeReply({b"result": b"ok", b"tags": tags}))
    assert told is not None
    assert [(d.from_tag, d.to_tag) for d in told.dialogs] == [("A", "B")]


def test_old_answers_are_forgotten_first() -> None:
    adoption = Adoption(NodeTable(), "default", lambda: 1000)
    for number in range(20_001):
        adoption.not_found(CallId(str(number)))
    assert len(adoption._unknown) == 20_000
    assert "0" not in adoption._unknown


def test_its_event_tells_where_it_was_found(cluster: Cluster) -> None:
    established(cluster.relays["relay2"])
    cluster.do(Verb.QUERY, CALL)
    event = cluster.stream(CALL)[0].event
    assert isinstance(event, SessionAdopted)
    assert (event.node, event.engine, event.set, event.relay_id) == (
        NodeName("relay2"),
        "rtpengine",
        "default",
        RelayId(CALL),
    )
    assert event.dialogs == (("A", "B", "b1"),)
