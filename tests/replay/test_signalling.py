from __future__ import annotations

from dataclasses import replace
from functools import partial

from hypothesis import given
from hypothesis import strategies as st

from events import registry as e
from events.names import CallId, Leg, NodeName, RelayId, Tag
from events.records import Recorded
from replay.fold import apply
from replay.offer_answer import Negotiation
from replay.offer_answer.decide import decide
from replay.projection import Deadlines, project
from replay.relay_settings import CALLEE, CALLER
from replay.sip_dialogs import CSeqs, Ends, OwnRequest, Party, SipDialogs
from replay.state import CallState
from tests.replay.sip_story import message, message_of, sip_message_seen

START = 1_763_910_847_120


def signalled(line: str, expires: int = 0) -> e.SipMessageSeen:
    """Return a message without its verdict, which `tell` comes to."""
    return sip_message_seen(message(line), expires=expires)


def learned(leg: Leg, tag: Tag, contact: str = "sip:there") -> e.PartyLearned:
    return e.PartyLearned(leg=leg, tag=tag, uri=f"<sip:{leg}>", contact=contact)


def judged(state: CallState, event: e.Event) -> e.Event:
    if not isinstance(event, e.SipMessageSeen):
        return event
    return replace(event, verdict=decide(state.negotiation or Negotiation(), message_of(event)).recorded())


def tell(state: CallState, *events: e.Event, at: int = START) -> SipDialogs:
    for event in map(partial(judged, state), events):
        apply(state, Recorded(state.version + 1, at, "control", event))
    assert state.sip_dialogs is not None
    return state.sip_dialogs


SET_UP = (
    signalled("C INVITE at=- sdp=c"),
    learned(CALLER, Tag("tC")),
    signalled("A 200 INVITE sdp=a"),
    learned(CALLEE, Tag("tA")),
)
END = e.DeleteIntended(scope=e.Scope.CALL, sessions=(), reason="over")


def bye(number: int, leg: Leg, cseq: int) -> e.SipRequestIntended:
    return e.SipRequestIntended(number=number, leg=leg, tag=Tag("tA"), method="BYE", cseq=cseq)


# -- CSeqs --

STEPS = st.lists(st.sampled_from(["own", "next", "skip", "again"]), max_size=40)


@given(STEPS, st.integers(0, 3) | st.none())
def test_all_requests_that_a_party_gets_have_cseqs_of_their_own_in_the_order_of_their_making(
    steps: list[str], first: int | None
) -> None:
    sequence = CSeqs() if first is None else CSeqs(first)
    sent: dict[int, int] = {} if first is None else {first: first}
    wire = list(sent.values())
    for step in steps:
        if step == "own":
            cseq = sequence.next
            sequence.insert(cseq)
            wire.append(cseq)
        elif step == "again":
            assert {cseq: cseq + sequence.shift(cseq) for cseq in sent} == sent
        else:
            cseq = sequence.last + (1 if step == "next" else 7)
            wire.append(cseq + sequence.shift(cseq))
            sent[cseq] = wire[-1]
            sequence.last = cseq
    assert wire == sorted(set(wire))
    assert all(cseq > 0 for cseq in wire if cseq not in sent.values())


def test_a_request_that_is_repeated_gets_the_shift_that_it_got_first() -> None:
    sequence = CSeqs(5)
    sequence.insert(sequence.next)  # 6
    sequence.last = 6  # goes as 7
    sequence.insert(sequence.next)  # 8
    assert [sequence.shift(cseq) for cseq in (5, 6, 7, 100)] == [0, 1, 2, 2]


def test_a_party_that_begins_at_zero_after_a_request_of_ours_still_counts_upwards() -> None:
    sequence = CSeqs()
    assert sequence.next == 1
    sequence.insert(1)
    assert sequence.shift(0) == 2


def test_the_callers_cseqs_begin_with_the_initial_invite_and_the_callees_with_its_first_request() -> None:
    state = CallState(CallId("c"))
    sip_dialogs = tell(state, signalled("C INVITE at=- cseq=102 sdp=c"), signalled("A 200 INVITE cseq=102 sdp=a"))
    assert (sip_dialogs.next_cseq(CALLEE, Tag("tA")), sip_dialogs.next_cseq(CALLER, Tag("tA"))) == (103, 1)
    tell(state, signalled("A INFO cseq=7"), signalled("C ACK cseq=102"), signalled("C OPTIONS cseq=103"))
    assert (sip_dialogs.next_cseq(CALLEE, Tag("tA")), sip_dialogs.next_cseq(CALLER, Tag("tA"))) == (104, 8)


# -- parties, timers, variables --


def test_a_dialog_has_two_ends_once_both_have_contacts() -> None:
    state = CallState(CallId("c"))
    sip_dialogs = tell(state, *SET_UP[:3], learned(CALLEE, Tag("tA"), contact=""))
    assert sip_dialogs.ends(Tag("tA")) is None
    assert state.dialogs() == []
    tell(state, learned(CALLEE, Tag("tA")))
    assert sip_dialogs.ends(Tag("tA")) == Ends(
        Tag("tC"), Party("<sip:caller>", "sip:there"), Tag("tA"), Party("<sip:callee>", "sip:there")
    )
    assert state.dialogs() == ["tA"]


def test_the_caller_is_the_one_of_the_last_invite() -> None:
    state = CallState(CallId("c"))
    sip_dialogs = tell(state, *SET_UP, learned(CALLER, Tag("tC2")))
    ends = sip_dialogs.ends(Tag("tA"))
    assert ends is not None
    assert ends.caller_tag == "tC2"


def test_each_2xx_says_anew_when_the_session_ends() -> None:
    state = CallState(CallId("c"))
    sip_dialogs = tell(state, SET_UP[0], signalled("A 200 INVITE sdp=a", expires=90))
    assert sip_dialogs.expires_at == START + 90_000
    tell(state, signalled("C UPDATE cseq=2"), signalled("A 422 UPDATE cseq=2"), at=START + 5)
    assert sip_dialogs.expires_at == START + 90_000
    tell(state, signalled("A 200 UPDATE cseq=3", expires=60), at=START + 10)
    assert (sip_dialogs.expires_at, sip_dialogs.heard_at) == (START + 60_010, START + 10)
    tell(state, signalled("A 200 UPDATE cseq=4"), at=START + 20)
    assert sip_dialogs.expires_at == 0


# -- the end --


def test_a_call_that_ended_keeps_what_its_byes_need_and_then_nothing_but_cseqs() -> None:
    state = CallState(CallId("c"))
    sip_dialogs = tell(state, *SET_UP, e.CallVariableSet(variable="v", value="1"), bye(1, CALLER, 1), END)
    request = sip_dialogs.requests[1]
    assert request == OwnRequest(CALLER, Tag("tA"), "BYE", 1, "", START, sip_dialogs.ends(Tag("tA")))
    assert request.ends is not None
    assert (sip_dialogs.over, sip_dialogs.variables, state.dialogs()) == (True, {}, [])
    assert project(state, Deadlines()).due == START + Deadlines().request
    tell(state, e.SipRequestEnded(number=1, status=200))
    assert project(state, Deadlines()).live is None
    assert sip_dialogs.shift(CALLEE, Tag("tA"), 0) == 2  # a BYE of the callee's that crossed ours still gets its CSeq


WHO = {CALLER: "<sip:caller>", CALLEE: "<sip:callee>"}


def test_a_call_that_ended_without_requests_of_ours_keeps_nothing_but_who_talked() -> None:
    state = CallState(CallId("c"))
    assert tell(state, *SET_UP, END) == SipDialogs(heard_at=START, over=True, callers_tag=Tag("tC"), uris=WHO)


def test_late_messages_do_not_bring_an_ended_call_back() -> None:
    state = CallState(CallId("c"))
    tell(state, *SET_UP, END)
    assert tell(state, signalled("A 200 BYE cseq=2"), at=START + 9) == SipDialogs(
        heard_at=START, over=True, callers_tag=Tag("tC"), uris=WHO
    )


def test_a_call_id_that_comes_back_begins_anew_while_the_byes_of_the_old_call_go_on() -> None:
    state = CallState(CallId("c"))
    tell(state, *SET_UP, e.CallVariableSet(variable="v", value="1"), bye(1, CALLEE, 2), END)
    sip_dialogs = tell(state, signalled("C INVITE at=- cseq=7 sdp=c"), learned(CALLER, Tag("tC9")))
    assert (sip_dialogs.over, sip_dialogs.variables, sip_dialogs.sequences) == (False, {}, {})
    assert list(sip_dialogs.parties) == [(CALLER, "tC9")]
    assert (list(sip_dialogs.requests), sip_dialogs.last_request) == ([1], 1)
    ends = sip_dialogs.ends_of_requests(Tag("tA"))
    assert ends is not None
    assert ends.caller_tag == "tC"
    tell(state, e.SipRequestEnded(number=1, status=481))
    assert sip_dialogs.requests == {}
    assert sip_dialogs.parties


def test_a_bye_of_ours_ends_its_dialog_and_leaves_the_other() -> None:
    state = CallState(CallId("c"))
    tell(state, *SET_UP, signalled("B 200 INVITE sdp=b"), learned(CALLEE, Tag("tB")))
    assert state.dialogs() == ["tA", "tB"]
    tell(state, bye(1, CALLEE, 2))
    assert state.dialogs() == ["tB"]


# -- when attention is due --

OFTEN = Deadlines(dialog=60_000, session_timer=5_000)
ENGAGED = e.SessionIntended(
    session=1, operation=1, engine="rtpengine", set="s", node=NodeName("n"), relay_id=RelayId("c"), from_tag=Tag("tC")
)
OFFERED = e.Offered(session=1, operation=1, from_tag=Tag("tC"), sdp=b"", relayed=b"")
ANSWERED = e.Answered(session=1, from_tag=Tag("tC"), to_tag=Tag("tA"), sdp=b"", relayed=b"")


def live(expires: int = 0) -> CallState:
    state = CallState(CallId("c"))
    accepted = signalled("A 200 INVITE sdp=a", expires)
    tell(state, *SET_UP[:2], ENGAGED, OFFERED, accepted, SET_UP[3], ANSWERED)
    return state


def due(state: CallState, deadlines: Deadlines = OFTEN) -> int:
    at = project(state, deadlines).due
    assert at is not None
    return at - START


def test_a_dialog_is_due_when_it_was_silent_for_long_and_each_message_puts_that_off() -> None:
    state = live()
    assert due(state) == 60_000
    tell(state, signalled("C INFO cseq=2"), at=START + 50_000)
    assert due(state) == 110_000
    assert due(state, Deadlines()) == 50_000 + Deadlines().probe


def test_a_session_that_is_not_refreshed_is_due_some_time_after_it_ends() -> None:
    assert due(live(expires=30)) == 35_000
    assert due(live(expires=30), Deadlines(session_timer=1000)) == 31_000


def test_while_a_request_of_ours_goes_on_only_that_is_due() -> None:
    state = live(expires=30)
    probe = e.SipRequestIntended(number=1, leg=CALLER, tag=Tag("tA"), method="OPTIONS", cseq=1)
    tell(state, probe, at=START + 60_000)
    assert due(state) == 100_000
    tell(state, e.SipRequestEnded(number=1, status=200), at=START + 61_000)
    assert due(live()) == 60_000
    assert due(state, Deadlines(dialog=60_000, session_timer=500_000)) == 121_000


def test_a_call_without_a_session_is_in_no_table_until_a_request_of_ours_goes_on() -> None:
    state = CallState(CallId("c"))
    tell(state, *SET_UP)
    assert project(state, OFTEN).live is None
    tell(state, bye(1, CALLER, 1))
    assert project(state, OFTEN).live is not None
    assert due(state) == OFTEN.request
    tell(state, e.SipRequestEnded(number=1, status=200))
    assert project(state, OFTEN).live is None
