"""A call moves to another node: what its parties are given, what relays hold, what the journal says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from actors.commands.migration import Migrate, MoveTarget
from actors.commands.settings import ChangeSettings
from actors.results import Moved, Refused
from actors.sip_requests import SipOutcome
from engines.refusal import RefusalCode
from events.names import CallId, Leg, NodeName
from events.verb import Verb
from replay.settings_changes import ChangeLegSettings, EngageRelay
from replay.state import CallStatus
from tests.actors.moving import ANY, CALLEE, CALLER, MovingCall, version
from tests.actors.simulation import Cluster
from tests.actors.sip_call import SipCall
from tests.named_sdp import name_of, named


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    made = Cluster(relays=2, rtpproxies=2)
    yield made
    made.close()


@pytest.fixture
def call(cluster: Cluster) -> MovingCall:
    made = MovingCall(cluster)
    made.answered()
    return made


def test_an_answered_call_goes_to_another_node_and_both_parties_are_told(cluster: Cluster, call: MovingCall) -> None:
    node = call.another_node()
    before = version(call.caller.has), version(call.callee.has)
    moved = call.to_node(node)
    assert isinstance(moved, Moved), moved
    assert (moved.node, moved.is_wanted_node) == (node, True)
    assert call.caller.methods() == call.callee.methods() == ["INVITE"]
    assert (version(call.caller.has), version(call.callee.has)) == (before[0] + 1, before[1] + 1)
    assert call.relay_of(call.caller) == node
    call.check_parties()
    cluster.after(30)
    call.check_parties()
    assert [session.node for session in call.state.remaining_sessions()] == [node]
    cluster.check_no_leak()
    cluster.check_versions()
    call.check_moves_end()
    assert sorted(call.moved_legs()) == ["callee", "caller"]


@pytest.mark.parametrize("delay", [0.001, 0.4])
def test_the_node_that_a_call_has_left_is_asked_once_to_remove_it(
    cluster: Cluster, call: MovingCall, delay: float
) -> None:
    """Also where nothing tells of media in the new session, so that it goes after the bound."""
    old = cluster.relays[call.session.node]
    old.delay = delay
    assert isinstance(call.to_node(call.another_node()), Moved)
    cluster.after(30)
    assert [request[b"command"] for request in old.commands].count(b"delete") == 1
    cluster.check_no_leak()


def test_a_party_that_refuses_takes_both_back(cluster: Cluster, call: MovingCall) -> None:
    before = call.session.node
    call.callee.refuses = [SipOutcome(488, "Not Acceptable Here")]
    refused = call.to_node(call.another_node())
    assert isinstance(refused, Refused)
    assert refused.code is RefusalCode.TURNED_BACK
    assert "488" in refused.reason
    assert call.relay_of(call.caller) == call.relay_of(call.callee) == before
    assert call.caller.methods() == call.callee.methods() == ["INVITE", "INVITE"]
    call.check_versions_rise()
    cluster.after(30)
    assert [session.node for session in call.state.remaining_sessions()] == [before]
    cluster.check_no_leak()
    call.check_moves_end()


@pytest.mark.parametrize("legs", [("caller",), ("callee",), ("caller", "callee")])
def test_what_a_party_answers_otherwise_the_new_node_is_told_as_an_answer(
    call: MovingCall, legs: Sequence[str]
) -> None:
    """As an offer it would begin something new with the party that said it, as a restart of ICE."""
    node = call.another_node()
    parties = {"caller": call.caller, "callee": call.callee}
    for leg, name in zip(legs, ("c.2", "a.2"), strict=False):
        parties[leg].says = named(name).replace(b"4000", b"4002")
    assert isinstance(call.to_node(node), Moved)
    agreement = call.session.agreement
    assert agreement is not None
    assert {agreement.offer, agreement.answer} == {call.caller.says, call.callee.says}
    assert agreement.answer == parties[legs[-1]].says
    call.check_parties()
    call.check_versions_rise()


@pytest.mark.parametrize("engine", ["rtpengine", "rtpproxy"])
def test_a_call_goes_to_another_kind_of_relay_and_stays_there(cluster: Cluster, engine: str) -> None:
    first = "rtpproxy" if engine == "rtpengine" else "rtpengine"
    call = MovingCall(cluster, engaged=EngageRelay(engine=first, set="default"))
    call.answered()
    moved = call.move(MoveTarget(engine=engine))
    assert isinstance(moved, Moved)
    assert moved.engine == call.session.engine == engine
    call.check_parties()
    cluster.after(30)
    call.say("C INVITE at=A cseq=2 sdp=c.2")
    call.say("A 200 INVITE cseq=2 sdp=a.2")
    call.say("C ACK at=A cseq=2")
    call.check_parties()
    call.check_versions_rise()
    assert call.session.engine == engine
    cluster.check_no_leak()


def test_without_a_target_it_gets_a_session_anew(cluster: Cluster, call: MovingCall) -> None:
    before = call.session.number
    assert isinstance(call.move(), Moved)
    assert call.session.number > before
    call.check_parties()
    cluster.after(30)
    cluster.check_no_leak()


@pytest.fixture
def call_of_three() -> Iterator[MovingCall]:
    """A call where there are three nodes that it could be on."""
    made = MovingCall(Cluster(relays=3))
    made.answered()
    yield made
    made.cluster.close()


def test_it_is_moved_nowhere_for_a_node_that_there_is_not(cluster: Cluster, call: MovingCall) -> None:
    before = call.session.number
    refused = call.to_node("nowhere")
    assert isinstance(refused, Refused)
    assert (refused.code, refused.reason) == (RefusalCode.NO_NODE, "There is no node 'nowhere'")
    assert call.session.number == before
    cluster.after(30)
    cluster.check_no_leak()


@pytest.mark.parametrize("how", ["full", "silent"])
def test_a_node_that_takes_no_calls_is_replaced_by_another_of_its_set(call_of_three: MovingCall, how: str) -> None:
    call, cluster = call_of_three, call_of_three.cluster
    wanted, other = (name for name in cluster.fakes if name != call.session.node)
    setattr(cluster.fakes[wanted], how, True)
    moved = call.to_node(wanted)
    assert isinstance(moved, Moved)
    assert (moved.node, moved.is_wanted_node) == (other, False)
    call.check_parties()
    cluster.heal()
    cluster.after(30)
    cluster.check_no_leak()
    call.check_moves_end()


@pytest.mark.parametrize("how", ["full", "silent"])
@pytest.mark.parametrize("is_named", [True, False])
def test_a_call_never_returns_to_the_node_that_it_leaves(
    call_of_three: MovingCall, how: str, *, is_named: bool
) -> None:
    call, cluster, before = call_of_three, call_of_three.cluster, call_of_three.session
    others = [name for name in cluster.fakes if name != before.node]
    for name in others:
        setattr(cluster.fakes[name], how, True)
    target = MoveTarget(node=NodeName(others[0])) if is_named else MoveTarget(avoid=before.node)
    assert isinstance(call.move(target), Refused)
    assert call.session.number == before.number
    assert call.caller.received == call.callee.received == []
    cluster.heal()
    cluster.after(60)
    cluster.check_no_leak()
    call.check_moves_end()


@pytest.mark.parametrize("how", ["full", "silent"])
def test_a_call_of_the_ng_door_never_returns_to_the_node_that_it_leaves(cluster: Cluster, how: str) -> None:
    call = ClientsCall(cluster)
    call.exchange("A", "B", 1, first=True)
    before = cluster.state(call.id).sessions[1]
    assert isinstance(call.move(MoveTarget(avoid=before.node)), Moved)
    for name, relay in cluster.relays.items():
        setattr(relay, how, name != before.node)
    call.exchange("A", "B", 2)
    assert [session.number for session in cluster.state(call.id).usable_sessions()] == [before.number]
    cluster.heal()
    call.exchange("B", "A", 3)
    assert before.node not in call.nodes
    cluster.after(30)
    cluster.check_no_leak()


def test_only_the_settings_that_are_named_change(cluster: Cluster, call: MovingCall) -> None:
    changes = ChangeLegSettings(leg=Leg.CALLER, values={"flags": "trust-address", "type": "RTP"})
    call.command(ChangeSettings(call_id=call.call_id, changes=[changes]))
    assert isinstance(call.move(caller={"flags": "replace-origin"}), Moved)
    relay = call.state.relay
    assert relay is not None
    assert relay.in_force(Leg.CALLER, call.session.branch) == {"flags": "replace-origin", "type": "RTP"}
    asked = cluster.relays[call.session.node].commands
    assert any(b"replace" in command and command[b"command"] == b"offer" for command in asked)


def test_settings_of_a_move_that_failed_count_no_more(call: MovingCall) -> None:
    call.callee.refuses = [SipOutcome(488, "Not Acceptable Here")]
    assert isinstance(call.move(MoveTarget(engine="rtpproxy")), Refused)
    relay = call.state.relay
    assert relay is not None
    assert relay.engagements[""].engine == "rtpengine"
    assert call.session.engine == "rtpengine"
    call.check_parties()


@pytest.mark.parametrize("status", [480, 488, 500, 606])
@pytest.mark.parametrize("leg", ["caller", "callee"])
def test_whatever_the_refusal_both_are_brought_back(cluster: Cluster, call: MovingCall, leg: str, status: int) -> None:
    before = call.session.node
    getattr(call, leg).refuses = [SipOutcome(status, "No")]
    refused = call.to_node(call.another_node())
    assert isinstance(refused, Refused)
    assert call.relay_of(call.caller) == call.relay_of(call.callee) == before
    cluster.after(30)
    cluster.check_no_leak()


def test_who_asks_for_time_gets_it(cluster: Cluster, call: MovingCall) -> None:
    call.callee.refuses = [SipOutcome(500, "Busy", retry_after=3)]
    begun = cluster.loop.time()
    assert isinstance(call.to_node(call.another_node()), Moved)
    assert cluster.loop.time() >= begun + 3
    assert (len(call.caller.received), len(call.callee.received)) == (1, 2)
    call.check_parties()


def test_who_is_at_an_offer_of_its_own_is_told_afterwards(call: MovingCall) -> None:
    call.callee.busy = 1
    assert isinstance(call.to_node(call.another_node()), Moved)
    assert (len(call.caller.received), len(call.callee.received)) == (1, 2)
    call.check_parties()


def test_a_move_waits_for_what_parties_are_negotiating_and_tells_the_new_node_that(
    cluster: Cluster, call: MovingCall
) -> None:
    call.say("C INVITE at=A cseq=2 sdp=c.2")
    node = call.another_node()
    call.command(Migrate(call_id=call.call_id, target=MoveTarget(node=NodeName(node))), within=1.0)
    assert call.caller.received == call.callee.received == []
    call.say("A 200 INVITE cseq=2 sdp=a.2")
    call.say("C ACK at=A cseq=2")
    cluster.after(5)
    agreement = call.session.agreement
    assert agreement is not None
    assert (call.session.node, name_of(agreement.offer), name_of(agreement.answer)) == (node, "c.2", "a.2")
    call.check_parties()


def test_an_offer_that_was_rejected_is_not_what_the_new_node_is_told(call: MovingCall) -> None:
    call.tell("C INVITE at=A cseq=2 sdp=c.2")
    call.tell("A 488 INVITE cseq=2")
    assert isinstance(call.to_node(call.another_node()), Moved)
    agreement = call.session.agreement
    assert agreement is not None
    assert (name_of(agreement.offer), name_of(agreement.answer)) == ("c", "a")


def until_told(call: MovingCall) -> None:
    """Have the call moved until both parties have come along, and the new node is still told what the caller said."""
    node = next(name for name in call.cluster.relays if name != call.session.node)
    call.cluster.relays[node].delay = 0.2
    call.caller.says = named("c.2").replace(b"4000", b"4002")
    call.to_node(node, within=0.01)
    while len(call.moved_legs()) < 2:
        call.cluster.after(0.01)


def until_given_up(call: MovingCall, cseq: int) -> None:
    """Let the caller offer something of which nothing more is heard, until the move is given up, with no way back."""
    call.tell(f"C INVITE at=A cseq={cseq} sdp=c.{cseq}")
    call.cluster.after(150)
    assert call.state.migration is None
    assert "no way back" in call.state.not_moved


@pytest.fixture
def given_up(call: MovingCall) -> MovingCall:
    """A call whose parties came along, and one of which offers something since: that is refused, or never answered."""
    until_told(call)
    call.tell("C INVITE at=A cseq=2 sdp=c.3")
    call.tell("A 488 INVITE cseq=2")
    until_given_up(call, 3)
    return call


def test_a_move_that_is_given_up_leaves_parties_what_they_have_taken(given_up: MovingCall) -> None:
    assert given_up.relay_of(given_up.caller) == given_up.session.node != given_up.state.sessions[1].node
    given_up.check_parties()
    given_up.cluster.check_no_leak()


def test_what_is_answered_after_a_move_was_given_up_is_of_the_session_of_its_offer(given_up: MovingCall) -> None:
    given_up.callee.take(given_up.state.legs[CALLER].relayed)
    given_up.say("A 200 INVITE cseq=3 sdp=a.4")
    given_up.cluster.after(10)
    given_up.check_parties()
    assert [session.number for session in given_up.state.remaining_sessions()] == [1]
    given_up.cluster.check_no_leak()


def test_what_is_refused_after_a_move_was_given_up_changes_nothing_for_its_parties(given_up: MovingCall) -> None:
    """Only the session of the offer is told once more what was agreed there."""
    there = given_up.session
    given_up.tell("A 488 INVITE cseq=3")
    given_up.cluster.after(10)
    given_up.check_parties()
    before, now = given_up.state.sessions[1].agreement, given_up.session.agreement
    assert before is not None
    assert (name_of(before.offer), name_of(before.answer)) == ("c", "a")
    assert (given_up.session.number, now) == (there.number, there.agreement)
    given_up.cluster.check_no_leak()


def test_a_move_that_is_given_up_leaves_nothing_where_nobody_is(cluster: Cluster, call: MovingCall) -> None:
    """What the parties have agreed on since they came along has taken both back."""
    until_told(call)
    call.say("C INVITE at=A cseq=2 sdp=c.3")
    call.say("A 200 INVITE cseq=2 sdp=a.3")
    call.say("C ACK at=A cseq=2")
    until_given_up(call, 3)
    call.check_parties()
    assert [session.number for session in call.state.remaining_sessions()] == [1]
    cluster.check_no_leak()


def test_what_a_relay_was_told_once_more_takes_no_version_back(cluster: Cluster, call: MovingCall) -> None:
    """The callee has what the caller offered, though its answer reached no relay: what is agreed is older than that."""
    relay = cluster.fakes[call.session.node]
    call.say("C INVITE at=A cseq=2 sdp=c.10")
    relay.silent = True
    assert call.tell("A 200 INVITE cseq=2 sdp=a.10").error is not None
    relay.silent = False
    call.tell("C ACK at=A cseq=2")
    call.tell("C INVITE at=A cseq=3 sdp=c.11")
    call.tell("A 488 INVITE cseq=3")
    assert isinstance(call.to_node(call.another_node()), Moved)
    call.check_versions_rise()


def test_who_has_left_ends_the_call_and_the_move_with_it(cluster: Cluster, call: MovingCall) -> None:
    call.callee.gone = True
    assert isinstance(call.to_node(call.another_node()), Refused)
    cluster.after(60)
    assert call.state.status is CallStatus.ENDED
    assert "BYE" in call.caller.methods()
    call.check_moves_end()
    assert not any(relay.held() for relay in cluster.fakes.values())


def test_two_control_nodes_move_a_call_once(cluster: Cluster, call: MovingCall) -> None:
    call.callee.busy = 1
    node = call.another_node()
    call.command(Migrate(call_id=call.call_id, target=MoveTarget(node=NodeName(node))), place=1, within=0.02)
    refused = call.to_node(node)
    assert isinstance(refused, Refused)
    assert refused.code is RefusalCode.MOVING
    cluster.after(30)
    call.check_moves_end()
    call.check_parties()
    cluster.check_no_leak()


def test_one_control_node_of_several_tells_of_a_move(cluster: Cluster, call: MovingCall) -> None:
    """Whoever observes all of them hears of each event once: from the one that has journalled it."""
    told: list[int] = []
    for node in cluster.nodes:
        node.observers.add(lambda _, record: told.append(record.version))
    began = call.state.version
    call.callee.busy = 1
    call.command(Migrate(call_id=call.call_id, target=MoveTarget(node=NodeName(call.another_node()))), within=0.02)
    call.say("C INFO at=A cseq=2", 1)
    cluster.after(30)
    call.say("C INFO at=A cseq=3", 1)
    call.check_moves_end()
    assert told == list(range(began + 1, call.state.version + 1))
    assert {record.by for record in cluster.stream(call.call_id)[began:]} == {node.name for node in cluster.nodes}


def refusal(call: MovingCall, target: MoveTarget = ANY, flags: str = "") -> RefusalCode:
    refused = call.move(target, caller={"flags": flags} if flags else {})
    assert isinstance(refused, Refused), refused
    assert refused.reason
    return refused.code


def test_each_cause_of_a_refusal_has_its_code(cluster: Cluster, call: MovingCall) -> None:
    assert refusal(MovingCall(cluster, CallId("unknown"))) is RefusalCode.UNKNOWN_CALL
    assert refusal(call, MoveTarget(set="nowhere")) is RefusalCode.NO_NODE
    assert refusal(call, MoveTarget(engine="mediaproxy")) is RefusalCode.NO_NODE
    assert refusal(call, MoveTarget(engine="rtpproxy"), flags="!") is RefusalCode.BAD_SETTINGS
    plain = MovingCall(cluster, CallId("plain"))
    plain.tell("C INVITE at=- sdp=c")
    plain.tell("A 200 INVITE sdp=a")
    assert refusal(plain) is RefusalCode.NOT_ENGAGED
    call.say("C BYE cseq=2 at=A")
    cluster.after(5)
    assert refusal(call) is RefusalCode.ENDED


def test_a_new_node_that_fails_leaves_the_call_where_it_is_and_nobody_hears_of_it(
    cluster: Cluster, call: MovingCall
) -> None:
    before = call.session.number
    for relay in cluster.fakes.values():
        relay.full = True
    assert isinstance(call.to_node(call.another_node()), Refused)
    assert call.session.number == before
    assert call.caller.received == call.callee.received == []
    cluster.after(30)
    cluster.check_no_leak()
    call.check_moves_end()


def test_the_old_session_stays_until_media_of_both_have_come_to_the_new_one(cluster: Cluster, call: MovingCall) -> None:
    before = call.session
    assert isinstance(call.to_node(call.another_node()), Moved)
    cluster.after(1)
    assert before.relay_id in cluster.fakes[before.node].held()
    cluster.after(10)
    assert before.relay_id not in cluster.fakes[before.node].held()


def test_update_tells_those_who_allow_it(cluster: Cluster) -> None:
    call = MovingCall(cluster, allows_update=[CALLER])
    call.answered()
    assert isinstance(call.to_node(call.another_node(), method="UPDATE"), Moved)
    assert (call.caller.methods(), call.callee.methods()) == (["UPDATE"], ["INVITE"])
    call.check_parties()


@pytest.mark.parametrize("status", [405, 501, 408])
def test_who_does_not_take_the_update_that_it_allows_gets_a_re_invite(cluster: Cluster, status: int) -> None:
    call = MovingCall(cluster, allows_update=[CALLER, CALLEE])
    call.answered()
    call.callee.refuses = [SipOutcome(status, "No")]
    assert isinstance(call.to_node(call.another_node(), method="UPDATE"), Moved)
    assert (call.caller.methods(), call.callee.methods()) == (["UPDATE"], ["UPDATE", "INVITE"])
    assert call.state.status is CallStatus.LIVE
    call.check_parties()


class ClientsCall:
    """A call that a client of the ng protocol signals: its dialog is not known here."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster, self.id = cluster, CallId("n")

    def exchange(self, a: str, b: str, number: int, *, first: bool = False) -> None:
        """Offer and answer."""
        offered = self.cluster.do(Verb.OFFER, self.id, a=a, b="" if first else b, sdp=f"offer.{number}")
        answered = self.cluster.do(Verb.ANSWER, self.id, a=a, b=b, sdp=f"answer.{number}")
        assert (offered[b"result"], answered[b"result"]) == (b"ok", b"ok"), (offered, answered)

    def move(self, target: MoveTarget = ANY) -> Moved | Refused | None:
        return SipCall(self.cluster, self.id).command(Migrate(call_id=self.id, target=target))

    @property
    def nodes(self) -> list[str]:
        """The nodes of its sessions that can be used."""
        return [session.node for session in self.cluster.state(self.id).usable_sessions()]

    def events(self) -> list[str]:
        return [name for name in self.cluster.events(self.id) if name.startswith("migration")]


@pytest.mark.parametrize(("a", "b"), [("A", "B"), ("B", "A")])
def test_a_call_whose_dialog_is_not_known_moves_at_its_next_offer(cluster: Cluster, a: str, b: str) -> None:
    call = ClientsCall(cluster)
    call.exchange("A", "B", 1, first=True)
    (before,) = call.nodes
    target = next(name for name in cluster.relays if name != before)
    moved = call.move(MoveTarget(node=NodeName(target)))
    assert isinstance(moved, Moved)
    assert moved.waits
    assert call.nodes == [before]
    call.exchange(a, b, 2)
    assert call.nodes == [target]
    assert call.events() == ["migration intended", "migration completed"]
    assert cluster.fakes[before].held(), "its media may be on their way there"
    cluster.after(30)
    cluster.check_no_leak()
    assert not cluster.fakes[before].held()


def test_a_waiting_move_that_no_node_takes_leaves_the_call_where_it_is(cluster: Cluster) -> None:
    call = ClientsCall(cluster)
    call.exchange("A", "B", 1, first=True)
    (before,) = call.nodes
    target = next(name for name in cluster.relays if name != before)
    assert isinstance(call.move(MoveTarget(node=NodeName(target))), Moved)
    for relay in cluster.relays.values():
        relay.full = True
    cluster.relays[before].full = False
    call.exchange("A", "B", 2)
    assert call.nodes == [before]
    cluster.after(30)
    cluster.check_no_leak()


def test_a_waiting_move_can_be_changed_and_ends_with_its_call(cluster: Cluster) -> None:
    call = ClientsCall(cluster)
    call.exchange("A", "B", 1, first=True)
    for _ in range(2):
        assert isinstance(call.move(), Moved)
    cluster.do(Verb.DELETE, call.id, a="A")
    cluster.after(60)
    assert call.events() == ["migration intended", "migration failed"] * 2
    assert not any(relay.held() for relay in cluster.fakes.values())
    assert cluster.run(cluster.journal.count_calls()) == {"": 0}


def test_a_control_node_without_a_sip_door_leaves_the_move_to_one_that_has_it(
    cluster: Cluster, call: MovingCall
) -> None:
    cluster.nodes[0].outlet.sender = None
    node = call.another_node()
    moved = call.to_node(node)
    assert isinstance(moved, Moved)
    assert moved.node == node
    assert call.caller.methods() == call.callee.methods() == ["INVITE"]
    call.check_parties()
    cluster.after(30)
    cluster.check_no_leak()
    call.check_moves_end()


def test_a_move_of_which_nobody_can_tell_the_parties_fails(cluster: Cluster, call: MovingCall) -> None:
    for node in cluster.nodes:
        node.outlet.sender = None
    refused = call.to_node(call.another_node(), within=150)
    assert isinstance(refused, Refused)
    assert "no control node" in refused.reason
    call.check_parties()
    call.check_moves_end()
