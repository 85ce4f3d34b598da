"""Whatever messages come, in whatever order: nothing is raised, and offers and answers stay in order."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from events.names import NO_BRANCH, BranchId, Leg, Tag
from events.verdict import Step
from replay.offer_answer import Change, Fault, Negotiation, Role, SipMessage, Verdict
from replay.offer_answer.decide import decide
from replay.offer_answer.place import Place
from tests.replay.sip_story import message, see

BODIES = st.sampled_from([None, b"w", b"x", b"y", b"z"])
BEGINNINGS = [
    ["C INVITE at=- sdp=o"],
    ["C INVITE at=-"],
    ["C INVITE at=-", "A 183 INVITE sdp=o"],
    ["C INVITE at=- sdp=o", "A 180 INVITE", "C UPDATE cseq=2 sdp=o2"],
    ["C INVITE at=- sdp=o", "A 183 INVITE sdp=a", "A UPDATE cseq=2 sdp=o2"],
    ["C INVITE at=- sdp=o", "A 183r INVITE sdp=a"],
    ["C INVITE at=- sdp=o", "A 200 INVITE sdp=a"],
    ["C INVITE at=- sdp=o", "A 200 INVITE sdp=a", "A INVITE cseq=2 sdp=o2"],
    ["C INVITE at=- sdp=o", "A 200 INVITE sdp=a", "A INVITE cseq=2 sdp=o2", "C 183r INVITE cseq=2 sdp=a2"],
]
"""Calls that are under way, since chance alone seldom makes one."""

Transaction = tuple[str, int, Leg]
"""Method, CSeq and who sent the request."""


def say(
    draw: st.DrawFn, transaction: Transaction, status: int | None, tag: Tag, branch: BranchId = NO_BRANCH
) -> SipMessage:
    """Return a message of a transaction, the body left to chance."""
    method, cseq, requester = transaction
    return SipMessage(
        method=method,
        from_caller=(requester is Leg.CALLER) is (status is None),
        cseq=cseq,
        status=status,
        branch=branch,
        from_tag=Tag("tC" if requester is Leg.CALLER else tag),
        to_tag=Tag(tag if requester is Leg.CALLER else "tC"),
        sdp=draw(BODIES),
        reliable=draw(st.booleans()),
    )


@st.composite
def noise(draw: st.DrawFn) -> SipMessage:
    """Any message whatever."""
    method = draw(st.sampled_from(["INVITE", "ACK", "PRACK", "UPDATE", "BYE", "CANCEL", "INFO"]))
    status = draw(st.sampled_from([None, None, 100, 180, 200, 301, 401, 487, 603]))
    tag = draw(st.sampled_from(["", "tA", "tB"]))
    branch = draw(st.sampled_from(["", "1"]))
    return say(draw, (method, draw(st.integers(1, 4)), draw(st.sampled_from(Leg))), status, Tag(tag), BranchId(branch))


@st.composite
def flows(draw: st.DrawFn) -> list[SipMessage]:
    """A call in which requests and replies mostly fit together, and bodies stand where chance puts them."""
    flow = [message(line) for line in draw(st.sampled_from(BEGINNINGS))]
    requests: list[Transaction] = [(e.method, e.cseq, e.sender) for e in flow if e.status is None]
    for cseq in range(3, draw(st.integers(3, 25))):
        kind = draw(st.sampled_from(["request", "request", "reply", "reply", "reply", "ack", "noise"]))
        tag = draw(st.sampled_from(["tA"] * 8 + ["tB"]))
        transaction = draw(st.sampled_from([requests[-1], requests[-1], *requests]))
        if kind == "noise":
            flow.append(draw(noise()))
        elif kind == "reply":
            status = draw(st.sampled_from([183, 183, 200, 200, 488]))
            flow.append(say(draw, transaction, status, Tag(tag)))
        elif kind == "ack":
            flow.append(say(draw, ("ACK", *transaction[1:]), None, Tag(tag)))
        else:
            method = draw(st.sampled_from(["INVITE", "UPDATE", "PRACK"]))
            requests.append((method, cseq, draw(st.sampled_from(Leg))))
            flow.append(say(draw, requests[-1], None, Tag(tag)))
    return flow


def see_all(flow: list[SipMessage]) -> list[tuple[SipMessage, Verdict]]:
    call = Negotiation()
    return [(event, see(call, event)) for event in flow]


Key = tuple[str, str]


class Book:
    """An account of one dialog, kept from the verdicts alone.

    An UPDATE's offer may be open beside the one of the initial INVITE; a preview of an offer opens none.
    """

    def __init__(self, offerer: Leg | None) -> None:
        self.offers: dict[int, Leg] = {1: offerer} if offerer else {}
        self.open = {1} if offerer else set()
        self.previewed = False

    def enter(self, event: SipMessage, verdict: Verdict) -> None:
        is_preview = event.place is Place.PROVISIONAL
        if verdict.role is Role.OFFER:
            assert not self.open or (event.method == "UPDATE" and self.open == {1})
            assert verdict.exchange == max(self.offers, default=0) + 1
            self.offers[verdict.exchange] = verdict.leg
            self.open |= {verdict.exchange} if not is_preview else set()
        elif verdict.role is Role.ANSWER:
            assert verdict.leg is self.offers[verdict.exchange].other
            assert verdict.exchange in {*self.open, verdict.in_force}
            self.previewed = self.previewed or is_preview
        elif verdict.role is Role.REPEAT:
            assert verdict.exchange in self.offers
            if verdict.repeats is Role.OFFER and not is_preview:
                self.open |= {verdict.exchange}
        elif event.place is Place.ACCEPT and not verdict.fault and verdict.exchange > verdict.in_force:
            self.open |= {verdict.exchange}  # the offer shown before stands
        self._close(verdict)

    def _close(self, verdict: Verdict) -> None:
        if verdict.in_force in self.open:
            self.open -= {verdict.in_force} | ({1} if self.previewed and verdict.role is Role.ANSWER else set())
        elif verdict.fault is Fault.UNANSWERED or verdict.change is Change.REJECTED:
            self.open -= {verdict.exchange}


@given(flows())
def test_offers_and_answers_take_turns_in_each_dialog(flow: list[SipMessage]) -> None:
    books: dict[Key, Book] = {}
    offerers: dict[int, Leg | None] = {}  # of the initial INVITEs, by CSeq; the newest is the last
    for event, verdict in see_all(flow):
        if Step.CALL_BEGUN in verdict.steps:
            offerers[event.cseq] = Leg.CALLER if verdict.role is Role.OFFER else None
            books.clear()  # where the INVITE came again, as after a challenge
        if verdict.change is Change.BRANCH_FAILED:
            books = {key: book for key, book in books.items() if key[0] != verdict.branch}
        if verdict.callee_tag:
            newest = next(reversed(offerers.values()), None)
            offerer = offerers.get(event.cseq, newest) if event.method == "INVITE" and event.status else newest
            books.setdefault((verdict.branch, verdict.callee_tag), Book(offerer)).enter(event, verdict)


@given(flows())
def test_after_a_rejection_the_agreement_is_that_before_the_request(flow: list[SipMessage]) -> None:
    before: dict[tuple[Key, Transaction], int] = {}
    in_force: dict[Key, int] = {}
    for event, verdict in see_all(flow):
        key = (verdict.branch, verdict.callee_tag)
        transaction = (event.method, event.cseq, event.requester)
        if event.status is None and event.cseq > 1:
            before.setdefault((key, transaction), verdict.in_force)
        if verdict.change is Change.REJECTED:
            at = before[key, transaction] if event.method == "INVITE" else in_force[key]
            assert verdict.in_force == at
        in_force[key] = verdict.in_force


@given(flows())
def test_an_invite_that_was_accepted_stays_so_whatever_fails_later(flow: list[SipMessage]) -> None:
    accepted: set[tuple[Key, Transaction]] = set()
    for event, verdict in see_all(flow):
        if Step.CALL_BEGUN in verdict.steps:
            accepted.clear()
        at = ((verdict.branch, verdict.callee_tag), (event.method, event.cseq, event.requester))
        if event.place is Place.ACCEPT and Step.INVITE_CONCLUDED in verdict.steps:
            accepted.add(at)
        elif event.failed and at in accepted:
            assert (verdict.change, verdict.steps) == (Change.NONE, ())


@given(flows())
def test_only_an_answer_changes_the_agreement(flow: list[SipMessage]) -> None:
    in_force: dict[Key, int] = {}
    for _, verdict in see_all(flow):
        key = (verdict.branch, verdict.callee_tag)
        if verdict.callee_tag and verdict.in_force != in_force.get(key, 0):
            # A NOTHING or REPEAT does it for the answer that was shown in a preview.
            agrees = verdict.role in (Role.ANSWER, Role.REPEAT, Role.NOTHING) and verdict.in_force == verdict.exchange
            assert agrees or verdict.change is Change.REJECTED
        in_force[key] = verdict.in_force
        if verdict.change is Change.BRANCH_FAILED:
            in_force = {other: at for other, at in in_force.items() if other[0] != verdict.branch}


@given(flows())
def test_a_verdict_tells_mistakes_from_nothing(flow: list[SipMessage]) -> None:
    for event, verdict in see_all(flow):
        assert verdict.leg is event.sender
        assert (verdict.role is Role.ILLEGAL) <= (verdict.fault is not Fault.NONE)
        if event.sdp is None:
            assert verdict.role is Role.NOTHING
        if verdict.role in (Role.OFFER, Role.ANSWER, Role.REPEAT):
            assert verdict.fault is Fault.NONE
            assert verdict.exchange > 0


@given(flows(), st.integers(0, 25))
def test_a_negotiation_goes_on_from_its_plain_values(flow: list[SipMessage], cut: int) -> None:
    whole = see_all(flow)
    first = Negotiation()
    for event in flow[:cut]:
        see(first, event)
    second = Negotiation.from_dict(json.loads(json.dumps(first.to_dict())))
    assert second.to_dict() == first.to_dict()
    assert [see(second, event) for event in flow[cut:]] == [verdict for _, verdict in whole[cut:]]


@given(flows())
def test_a_decision_leaves_the_negotiation_as_it_is_and_its_steps_lead_where_it_says(flow: list[SipMessage]) -> None:
    call = Negotiation()
    for event in flow:
        before = call.to_dict()
        verdict = decide(call, event)
        assert call.to_dict() == before
        call.apply(event, verdict.recorded())
        dialog = call.dialog(verdict.branch, verdict.callee_tag) if verdict.callee_tag else None
        assert dialog is None or dialog.in_force == verdict.in_force
        assert verdict.steps or call.to_dict() == before
