"""Messages on their way through a door: what is journalled of each, and when the door has its word."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from actors.commands.reading import LocateCall
from actors.effects import Flow, Read, Sleep
from actors.results import OVERLOADED
from events.names import NO_BRANCH, CallId, Leg
from events.verb import Verb
from replay.settings_changes import ChangeLegSettings, EngageRelay, SetCallVariable, SettingsChange
from tests.actors.fake_relay import text_of
from tests.actors.simulation import Cluster
from tests.actors.sip_call import ENGAGED, SipCall, check_over
from tests.named_sdp import name_of

NEWS: list[SettingsChange] = [
    ENGAGED,
    ChangeLegSettings(leg=Leg("caller"), values={"flags": "x"}),
    SetCallVariable(variable="v", value="1"),
]


@pytest.fixture
def call(cluster: Cluster) -> SipCall:
    return SipCall(cluster)


def appends_of(call: SipCall, line: str) -> list[list[str]]:
    """Tell of a message and give the names of the events of each append that it took."""
    cluster = call.cluster
    before = len(cluster.stream(CallId("c")))
    journal = cluster.nodes[0].journal
    appends: list[list[str]] = []
    append = journal.append

    def noting(*args: object, **known: object) -> object:
        appends.append([record.event.name for record in args[2]])  # type: ignore[attr-defined]
        return append(*args, **known)  # type: ignore[arg-type]

    journal.append = noting  # type: ignore[method-assign, assignment]
    call.tell(line, changes=NEWS if before == 0 else ())
    return appends


def silence(call: SipCall) -> None:
    for relay in call.cluster.relays.values():
        relay.silent = True


def test_a_message_what_comes_with_it_and_the_intent_of_its_offer_are_one_append(call: SipCall) -> None:
    first = ["signalled", "relay engaged", "variables set", "call variable set", "party learned", "engaged"]
    assert appends_of(call, "C INVITE at=- sdp=c") == [first, ["offered"]]
    state = call.cluster.state(CallId("c"))
    assert state.relay is not None
    assert state.relay.in_force(Leg("caller"), NO_BRANCH) == {"flags": "x"}
    assert call.sip_dialogs.variables == {"v": "1"}
    assert appends_of(call, "A 183 INVITE sdp=a")[0] == ["signalled", "party learned"]
    assert appends_of(call, "A 200 INVITE sdp=a") == [["signalled", "branch established"]]


def test_what_another_control_node_forestalls_is_decided_anew_as_a_whole(call: SipCall) -> None:
    call.begin()
    call.tell("C INFO cseq=2", place=1)
    call.tell("C INFO cseq=3", place=1)
    before = call.cluster.events(CallId("c"))
    again = ["signalled", "offer intended"]
    assert appends_of(call, "C INVITE cseq=4 sdp=c2") == [again, again, ["offered"]]
    assert call.cluster.events(CallId("c"))[len(before) :] == [*again, "offered"]
    call.cluster.check_versions()


@pytest.mark.sources
def test_a_flow_that_waits_before_it_looks_disturbs_no_reading(call: SipCall, monkeypatch: pytest.MonkeyPatch) -> None:
    """The call is not in memory where it is asked: its stream is read while the flow waits."""

    def late(*_: object) -> Flow:
        yield Sleep(10)
        return (yield Read(lambda state: state.version))

    call.begin()
    checks: list[int] = []
    journal = call.cluster.nodes[1].journal
    check = journal.check

    def noting(call_id: CallId, version: int, **known: Any) -> asyncio.Future[int]:
        checks.append(version)
        return check(call_id, version, **known)

    monkeypatch.setattr(journal, "check", noting)
    monkeypatch.setattr("actors.call_runs.flow_for", late)
    seen: object = call.cluster.run(call.cluster.nodes[1].directory.ask(LocateCall(call_id=CallId("c"))))
    version = len(call.cluster.stream(CallId("c")))
    assert seen == version
    assert checks == [version]


def test_a_relay_that_a_script_engages_too_late_is_not_engaged(call: SipCall) -> None:
    call.begin()
    late = EngageRelay(engine="rtpengine", set="elsewhere")
    call.tell("C INFO cseq=2", changes=[late, SetCallVariable(variable="v", value="2")])
    relay = call.cluster.state(CallId("c")).relay
    assert relay is not None
    assert [engaged.set for engaged in relay.engagements.values()] == ["default"]
    assert call.sip_dialogs.variables == {"v": "2"}


def test_a_bye_and_the_end_that_it_means_are_one_append(call: SipCall) -> None:
    call.begin()
    assert appends_of(call, "A BYE cseq=1")[0] == ["signalled", "delete wanted"]


def test_the_word_on_a_bye_does_not_wait_for_a_node(call: SipCall) -> None:
    call.begin()
    silence(call)
    began = call.cluster.loop.time()
    assert call.tell("C BYE cseq=2").error is None
    assert call.cluster.loop.time() - began < 0.1
    call.cluster.heal()
    call.cluster.after(60)
    check_over(call)


@pytest.mark.parametrize("line", ["B 486 INVITE branch=br1", "A 200 INVITE branch=br0"])
def test_nor_does_that_on_a_branch_that_failed_or_was_chosen(call: SipCall, line: str) -> None:
    call.tell("C INVITE at=- branch=br0 sdp=c", changes=[ENGAGED])
    call.tell("C INVITE at=- branch=br1 sdp=c")
    call.tell("A 183 INVITE branch=br0 sdp=a")
    silence(call)
    began = call.cluster.loop.time()
    assert call.tell(line).error is None
    assert call.cluster.loop.time() - began < 0.1
    call.cluster.heal()
    call.cluster.after(30)
    assert call.cluster.events(CallId("c"))[-1] == "branch deleted"
    call.cluster.check_no_leak()


def test_a_new_call_that_is_not_new_is_looked_up_after_all(call: SipCall) -> None:
    call.tell("C INVITE at=- sdp=c", changes=[ENGAGED])
    again = call.tell("C INVITE at=- sdp=c", place=1)
    assert name_of(again.sdp) == "relayed 1 of c"
    call.cluster.check_versions()


def test_a_control_node_that_closes_takes_no_new_calls_and_goes_on_with_others(call: SipCall) -> None:
    call.begin()
    cluster = call.cluster
    for relay in cluster.relays.values():
        relay.delay = 0.5
    cluster.ask(Verb.OFFER, CallId("slow"), a="A", sdp="x")
    closing = cluster.loop.create_task(cluster.nodes[0].directory.close(5))
    cluster.after(0.01)
    other = SipCall(cluster, CallId("d"))
    assert other.tell("C INVITE at=- sdp=c").error == OVERLOADED
    assert call.tell("C INFO cseq=2").error is None
    assert cluster.loop.run_until_complete(closing)


def test_a_call_that_is_busy_when_the_time_to_close_is_over_asks_for_nothing_more(call: SipCall) -> None:
    call.begin()
    cluster = call.cluster
    for relay in cluster.relays.values():
        relay.delay = 0.5
    cut_off = cluster.ask(Verb.OFFER, CallId("slow"), a="A", sdp="x")
    closing = cluster.loop.create_task(cluster.nodes[0].directory.close(0.1))
    assert not cluster.loop.run_until_complete(closing)
    assert cluster.nodes[0].directory.resident == 0
    assert cut_off.reply is not None
    assert cut_off.reply[b"error-reason"] == b"Parallel session limit reached"
    assert call.tell("C INFO cseq=2").error == OVERLOADED


def told(call: SipCall) -> list[tuple[str, ...]]:
    """Verb, tags and the name of the SDP of the offers and answers that the relays were told."""
    keys = (b"command", b"from-tag", b"to-tag")
    return [
        (*(text_of(command, key).decode() for key in keys), name_of(command[b"sdp"]))
        for relay in call.cluster.relays.values()
        for command in relay.commands
        if command[b"command"] in (b"offer", b"answer")
    ]


def test_a_refused_update_while_it_rings_has_the_relay_told_the_invites_offer_again(call: SipCall) -> None:
    call.tell("C INVITE at=- sdp=c", changes=[ENGAGED])
    call.tell("A 180 INVITE")
    call.tell("C UPDATE cseq=2 sdp=d")
    call.tell("A 500 UPDATE cseq=2")
    assert name_of(call.tell("A 200 INVITE sdp=a").sdp).endswith(" of a")
    offers = [("offer", "tC", "", sdp) for sdp in ("c", "d", "c")]
    assert told(call) == [*offers, ("answer", "tC", "tA", "a")]
    call.tell("C BYE cseq=3")
    call.cluster.after(10)
    check_over(call)


def test_an_update_of_the_callee_while_it_rings_is_of_the_same_session(call: SipCall) -> None:
    call.tell("C INVITE at=- sdp=c", changes=[ENGAGED])
    call.tell("A 180 INVITE")
    call.tell("A UPDATE cseq=9 sdp=b")
    call.tell("C 200 UPDATE cseq=9 sdp=d")
    call.tell("A 200 INVITE sdp=a")
    assert told(call) == [
        ("offer", "tC", "", "c"),
        ("offer", "tA", "tC", "b"),
        ("answer", "tA", "tC", "d"),
        ("answer", "tC", "tA", "a"),
    ]
    assert len(call.cluster.state(CallId("c")).sessions) == 1
    call.tell("C BYE cseq=3")
    call.cluster.after(10)
    check_over(call)
