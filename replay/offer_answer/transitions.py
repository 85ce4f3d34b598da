"""Decides what a message in a dialog means, by the table, and by which steps that changes the dialog."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

from events.names import Leg
from events.verdict import Change, Fault, Role, Step
from replay.offer_answer.dialog import NegotiatedDialog, OfferAnswerExchange, SeenRequest
from replay.offer_answer.draft import Draft, Finding
from replay.offer_answer.message import SipMessage
from replay.offer_answer.place import Place
from replay.offer_answer.steps import seen_key
from replay.offer_answer.table import TABLE, Cell


def mistake(event: SipMessage, fault: Fault) -> Finding:
    """Return the finding of a fault; the role is ILLEGAL if there is a body that it makes so."""
    return Finding(Role.ILLEGAL if event.sdp is not None else Role.NOTHING, fault=fault, why=fault.phrase)


def nothing(why: str, change: Change = Change.NONE) -> Finding:
    """Return the finding that there is no offer and no answer."""
    return Finding(Role.NOTHING, change=change, why=why)


def read(draft: Draft) -> Finding:
    """Return the finding on the message, and take its steps in the dialog."""
    if draft.dialog.ended:
        return _after_end(draft)
    if draft.event.failed:
        return _fail(draft)
    place = draft.event.place
    if place is None:
        return nothing("it carries no offer and no answer")
    return _read_request(draft, place) if draft.event.status is None else _read_reply(draft, place)


def _read_reply(draft: Draft, place: Place) -> Finding:
    if draft.dialog.under and draft.event.method == "INVITE" and draft.dialog.invite.has(draft.event):
        finding = _read_below(draft, place)
    else:
        finding = _read_part(draft, place)
    return _accept(draft, finding) if place is Place.ACCEPT else finding


def _read_below(draft: Draft, place: Place) -> Finding:
    """Read a reply to the INVITE whose offer another one was made beside: by its own offer, which it may close."""
    draft.take(Step.OFFERS_SWAPPED)
    finding = _read_part(draft, place)
    if draft.dialog.under:
        draft.take(Step.OFFERS_SWAPPED)
    return finding


def _read_request(draft: Draft, place: Place) -> Finding:
    dialog, event = draft.dialog, draft.event
    last = dialog.seen.get(seen_key(event))
    if last and event.cseq <= last.cseq:
        return _again(draft, last)
    if place is Place.INVITE and dialog.invite.pending:
        finding = mistake(event, _collision(event, dialog.invite.requester))  # RFC 3261 14.1: one INVITE at a time
    else:
        finding = _read_part(draft, place)
    draft.note(finding)
    return finding


def _again(draft: Draft, last: SeenRequest) -> Finding:
    event = draft.event
    if (last.cseq, last.digest) != (event.cseq, event.digest):
        return mistake(event, Fault.STALE)
    if event.sdp is None or last.fault:
        undone = last.fault is Fault.UNANSWERED and _came_to_nothing(draft.dialog)
        again = Change.REJECTED if undone else Change.NONE
        return replace(mistake(event, last.fault), why="a retransmission", again=again)
    return _copy(draft, last.exchange, "a retransmission")


def _read_part(draft: Draft, place: Place) -> Finding:
    return _silence(draft, place) if draft.event.sdp is None else _body(draft, place)


def _after_end(draft: Draft) -> Finding:
    event = draft.event
    if event.sdp is None or event.place is None:
        return nothing(Fault.ENDED.phrase)
    number = draft.repeated()
    if number and not event.place.begins:
        return Finding(Role.REPEAT, number, why="a late copy")
    return mistake(event, Fault.ENDED)


def _fail(draft: Draft) -> Finding:
    event, at = draft.event, draft.dialog.open
    if event.method == "INVITE":
        return _fail_invite(draft)
    if at and event.method == at.place.value and (event.requester, event.cseq) == (at.requester, at.cseq):
        draft.take(Step.OFFER_CLOSED)
        return Finding(Role.NOTHING, at.number, Change.REJECTED, why=f"rejected with {event.status}")
    return nothing("it fails no exchange")


def _fail_invite(draft: Draft) -> Finding:
    dialog, event = draft.dialog, draft.event
    invite = dialog.invite
    if not (invite.pending and invite.has(event)):
        copies = invite.has(event) and _came_to_nothing(dialog)
        return replace(nothing("it fails no exchange"), again=Change.REJECTED if copies else Change.NONE)
    undone = dialog.agreed if dialog.agreed != invite.before else invite.shown
    if dialog.open and dialog.open.place is not Place.UPDATE:  # an UPDATE has a transaction of its own, which goes on
        undone = dialog.open
        draft.take(Step.OFFER_CLOSED)
    draft.take(Step.AGREEMENT_RESTORED)
    draft.take(Step.INVITE_CONCLUDED)
    if undone is None:  # it had asked for an offer, and none was made: what was agreed before was never in question
        return nothing(f"failed with {event.status}, and no offer was made in it")
    return Finding(Role.NOTHING, undone.number, Change.REJECTED, why=f"rejected with {event.status}")


def _came_to_nothing(dialog: NegotiatedDialog) -> bool:
    """Return whether the newest offer was rejected or never answered, so that the agreement before it stands.

    Where it is agreed on, nothing is left to undo: an INVITE that was accepted stays so, though another copy of it
    fails, as one may that went by another control node.
    """
    return dialog.open is None and dialog.in_force < dialog.count


def _collision(event: SipMessage, under_way: Leg) -> Fault:
    return Fault.OVERLAP if event.sender is under_way else Fault.GLARE


def _body(draft: Draft, place: Place) -> Finding:
    cell = TABLE[draft.phase][place]
    if cell is not Cell.BESIDE and not draft.owns(place):
        cell = Cell.BUSY if draft.dialog.open else Cell.STRAY
    return _ACTIONS[cell](draft, place)


def _silence(draft: Draft, place: Place) -> Finding:
    """Take the steps of a message without a body: an answer may have been due in it, or an offer asked for by it."""
    dialog = draft.dialog
    if place is Place.INVITE:
        draft.take(Step.INVITE_ASKED)
        return nothing("it asks for an offer")
    shown = dialog.invite.shown
    if place is Place.ACCEPT and shown and dialog.open is None and dialog.invite.has(draft.event):
        draft.take(Step.OFFER_CONFIRMED)
        return Finding(Role.NOTHING, shown.number, why="no body: the offer shown before stands")
    due = TABLE[draft.phase][place] is Cell.ANSWER and draft.owns(place)
    if not due or place is Place.RELIABLE:  # after a reliable 1xx the 2xx may still bring it
        return nothing("no body")
    left = _open(draft)
    if left.answer:
        draft.take(Step.ANSWER_CONFIRMED)
        return Finding(Role.NOTHING, left.number, why="no body: the answer shown before stands")
    draft.take(Step.OFFER_CLOSED)
    return Finding(Role.NOTHING, left.number, Change.REJECTED, Fault.UNANSWERED, why=Fault.UNANSWERED.phrase)


def _accept(draft: Draft, finding: Finding) -> Finding:
    """Take the steps of the 2xx to an INVITE."""
    dialog = draft.dialog
    if not dialog.invite.has(draft.event):
        return finding
    if not dialog.invite.pending:
        return replace(finding, again=Change.ESTABLISHED)
    draft.take(Step.INVITE_CONCLUDED)
    if dialog.established:
        return finding
    draft.take(Step.DIALOG_ESTABLISHED)
    return finding.with_change(Change.ESTABLISHED)


def _offer(draft: Draft, place: Place) -> Finding:
    dialog, shown = draft.dialog, draft.dialog.invite.shown
    if place is Place.INVITE:
        draft.take(Step.INVITE_OFFERED)
    elif not place.begins:
        confirms = shown is not None and shown.offer == draft.event.digest
        if confirms:
            draft.take(Step.OFFER_CONFIRMED)
        draft.take(Step.INVITE_SERVED)
        if shown and confirms:
            return Finding(Role.REPEAT, shown.number, why=f"the offer shown before, in {place}", repeats=Role.OFFER)
    draft.take(Step.OFFER_OPENED)
    return Finding(Role.OFFER, dialog.count, why=f"offer in {place}")


def _offer_early(draft: Draft, place: Place) -> Finding:
    shown = draft.dialog.invite.shown
    if shown and shown.offer == draft.event.digest:
        return Finding(Role.REPEAT, shown.number, why="the same preview again", repeats=Role.OFFER)
    draft.take(Step.OFFER_PREVIEWED)
    return Finding(Role.OFFER, draft.dialog.count, why=f"preview of the offer in {place}")


def _offer_beside(draft: Draft, place: Place) -> Finding:
    if draft.dialog.established:
        return _busy(draft, place)
    draft.take(Step.OFFER_PUT_BELOW)
    return _offer(draft, place)


def _answer(draft: Draft, place: Place) -> Finding:
    answered = _open(draft)
    draft.take(Step.ANSWER_AGREED)
    if draft.dialog.open and draft.dialog.open.answer:  # who answers an offer beside that takes the preview for it
        draft.take(Step.OFFER_CLOSED)
    return _answer_finding(draft, answered, f"answer in {place}")


def _show(draft: Draft, place: Place) -> Finding:
    shown = _open(draft)
    draft.take(Step.ANSWER_PREVIEWED)
    return _answer_finding(draft, shown, f"preview of the answer in {place}")


def _answer_more(draft: Draft, place: Place) -> Finding:
    answered = draft.dialog.agreed
    assert answered is not None, "the table has MORE only where something is agreed"
    draft.take(Step.ANSWER_REPLACED)
    return _answer_finding(draft, answered, f"another answer in {place}")


def _answer_finding(draft: Draft, before: OfferAnswerExchange, why: str) -> Finding:
    if before.answer == draft.event.digest:
        return Finding(Role.REPEAT, before.number, why="the same answer again", repeats=Role.ANSWER)
    return Finding(Role.ANSWER, before.number, why=why)


def _open(draft: Draft) -> OfferAnswerExchange:
    assert draft.dialog.open is not None, "the table has ANSWER and SHOWN only where an offer is open"
    return draft.dialog.open


def _busy(draft: Draft, place: Place) -> Finding:
    dialog = draft.dialog
    under_way = dialog.open.leg if dialog.open else dialog.invite.requester
    return _repeat(draft, place) or mistake(draft.event, _collision(draft.event, under_way))


def _stray(draft: Draft, place: Place) -> Finding:
    return _repeat(draft, place) or mistake(draft.event, Fault.UNASKED)


def _repeat(draft: Draft, place: Place) -> Finding | None:
    """Return whether a body that has no place here is but a copy of what stands."""
    number = 0 if place.begins else draft.repeated()
    return _copy(draft, number, "the same body again") if number else None


def _copy(draft: Draft, number: int, why: str) -> Finding:
    """Return the finding on a body that came before: as an open offer, the standing answer, or neither any more."""
    dialog, sender = draft.dialog, draft.event.sender
    repeats = Role.NOTHING
    if dialog.open and (dialog.open.number, dialog.open.leg) == (number, sender):
        repeats = Role.OFFER
    elif dialog.agreed and (dialog.agreed.number, dialog.agreed.leg.other) == (number, sender):
        repeats = Role.ANSWER
    return Finding(Role.REPEAT, number, why=why, repeats=repeats)


def _soon(draft: Draft, _place: Place) -> Finding:
    return mistake(draft.event, Fault.PREMATURE)


_ACTIONS: Mapping[Cell, Callable[[Draft, Place], Finding]] = MappingProxyType(
    {
        Cell.OFFER: _offer,
        Cell.ANSWER: _answer,
        Cell.SHOWN: _show,
        Cell.MORE: _answer_more,
        Cell.EARLY: _offer_early,
        Cell.BESIDE: _offer_beside,
        Cell.BUSY: _busy,
        Cell.STRAY: _stray,
        Cell.SOON: _soon,
    }
)
