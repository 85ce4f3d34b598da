"""Reads a message of a dialog by the table of schema 1, and notes in the dialog what it leaves behind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from events.names import Leg
from events.verdict import Change, Fault, Role
from replay.offer_answer.dialog import Invite, NegotiatedDialog, OfferAnswerExchange, SeenRequest
from replay.offer_answer.legacy.table import TABLE, Cell, owns, phase_of
from replay.offer_answer.message import SipMessage
from replay.offer_answer.place import Place


@dataclass(frozen=True, slots=True)
class Finding:
    """What a message means within its dialog; the fields are those of a SipVerdict."""

    role: Role
    exchange: int = 0
    change: Change = Change.NONE
    fault: Fault = Fault.NONE


def mistake(event: SipMessage, fault: Fault) -> Finding:
    """Return the finding of a fault; the role is ILLEGAL if there is a body that it makes so."""
    return Finding(Role.ILLEGAL if event.sdp is not None else Role.NOTHING, fault=fault)


NOTHING = Finding(Role.NOTHING)


def _swap(dialog: NegotiatedDialog) -> None:
    dialog.open, dialog.under = dialog.under, dialog.open


def _close(dialog: NegotiatedDialog) -> None:
    dialog.open, dialog.under = dialog.under, None


def _repeated(dialog: NegotiatedDialog, event: SipMessage) -> int:
    for exchange in (dialog.open, dialog.agreed):
        if exchange and exchange.body_of(event.sender) == event.digest:
            return exchange.number
    return 0


def read(dialog: NegotiatedDialog, event: SipMessage) -> Finding:
    """Return the finding on a message in the dialog, and record the message."""
    if dialog.ended:
        return _after_end(dialog, event)
    if event.failed:
        return _fail(dialog, event)
    place = event.place
    if place is None:
        return NOTHING
    return _read_request(dialog, event, place) if event.status is None else _read_reply(dialog, event, place)


def _read_reply(dialog: NegotiatedDialog, event: SipMessage, place: Place) -> Finding:
    if dialog.under and event.method == "INVITE" and dialog.invite.has(event):
        finding = _read_below(dialog, event, place)
    else:
        finding = _read_part(dialog, event, place)
    return _accept(dialog, event, finding) if place is Place.ACCEPT else finding


def _read_below(dialog: NegotiatedDialog, event: SipMessage, place: Place) -> Finding:
    """Read a reply to the INVITE whose offer another one was made beside: by its own offer, which it may close."""
    _swap(dialog)
    finding = _read_part(dialog, event, place)
    if dialog.under:
        _swap(dialog)
    return finding


def _read_request(dialog: NegotiatedDialog, event: SipMessage, place: Place) -> Finding:
    key = f"{event.sender} {event.method}"
    last = dialog.seen.get(key)
    if last and event.cseq <= last.cseq:
        return _again(last, event)
    if place is Place.INVITE and dialog.invite.pending:
        finding = mistake(event, _collision(event, dialog.invite.requester))  # RFC 3261 14.1: one INVITE at a time
    else:
        finding = _read_part(dialog, event, place)
    dialog.seen[key] = SeenRequest(event.cseq, event.digest, finding.exchange, finding.fault)
    return finding


def _again(last: SeenRequest, event: SipMessage) -> Finding:
    if (last.cseq, last.digest) != (event.cseq, event.digest):
        return mistake(event, Fault.STALE)
    if event.sdp is None or last.fault:
        return mistake(event, last.fault)
    return Finding(Role.REPEAT, last.exchange)


def _read_part(dialog: NegotiatedDialog, event: SipMessage, place: Place) -> Finding:
    return _silence(dialog, event, place) if event.sdp is None else _body(dialog, event, place)


def _after_end(dialog: NegotiatedDialog, event: SipMessage) -> Finding:
    if event.sdp is None or event.place is None:
        return NOTHING
    number = _repeated(dialog, event)
    if number and not event.place.begins:
        return Finding(Role.REPEAT, number)
    return mistake(event, Fault.ENDED)


def _fail(dialog: NegotiatedDialog, event: SipMessage) -> Finding:
    if event.method == "INVITE":
        return _fail_invite(dialog, event)
    at = dialog.open
    if at and event.method == at.place.value and (event.requester, event.cseq) == (at.requester, at.cseq):
        _close(dialog)
        return Finding(Role.NOTHING, at.number, Change.REJECTED)
    return NOTHING


def _fail_invite(dialog: NegotiatedDialog, event: SipMessage) -> Finding:
    invite = dialog.invite
    if not (invite.pending and invite.has(event)):
        return NOTHING
    undone = dialog.agreed if dialog.agreed != invite.before else invite.shown
    if dialog.open and dialog.open.place is not Place.UPDATE:  # an UPDATE has a transaction of its own, which goes on
        undone, dialog.open = dialog.open, None
    dialog.agreed = invite.before
    dialog.invite = invite.concluded()
    number = undone.number if undone else 0
    return Finding(Role.NOTHING, number, Change.REJECTED)


def _collision(event: SipMessage, under_way: Leg) -> Fault:
    return Fault.OVERLAP if event.sender is under_way else Fault.GLARE


def _body(dialog: NegotiatedDialog, event: SipMessage, place: Place) -> Finding:
    cell = TABLE[phase_of(dialog)][place]
    if cell is not Cell.BESIDE and not owns(dialog, event, place):
        cell = Cell.BUSY if dialog.open else Cell.STRAY
    return _ACTIONS[cell](dialog, event, place)


def _silence(dialog: NegotiatedDialog, event: SipMessage, place: Place) -> Finding:
    """Record that a message has no body: an answer may have been due in it, or an offer asked for by it."""
    if place is Place.INVITE:
        dialog.invite = Invite(event.sender, event.cseq, asks=True, before=dialog.agreed)
        return NOTHING
    shown = dialog.invite.shown
    if place is Place.ACCEPT and shown and dialog.open is None and dialog.invite.has(event):
        dialog.open = replace(shown, place=place)
        return Finding(Role.NOTHING, shown.number)
    due = TABLE[phase_of(dialog)][place] is Cell.ANSWER and owns(dialog, event, place)
    if not due or place is Place.RELIABLE:  # after a reliable 1xx the 2xx may still bring it
        return NOTHING
    left = _open(dialog)
    _close(dialog)
    if left.answer:
        dialog.agreed = left
        return Finding(Role.NOTHING, left.number)
    return Finding(Role.NOTHING, left.number, fault=Fault.UNANSWERED)


def _accept(dialog: NegotiatedDialog, event: SipMessage, finding: Finding) -> Finding:
    """Record the 2xx to an INVITE."""
    if not (dialog.invite.has(event) and dialog.invite.pending):
        return finding
    dialog.invite = dialog.invite.concluded()
    if dialog.established:
        return finding
    dialog.established = True
    return replace(finding, change=Change.ESTABLISHED)


def _offer(dialog: NegotiatedDialog, event: SipMessage, place: Place) -> Finding:
    shown = dialog.invite.shown
    if place is Place.INVITE:
        dialog.invite = Invite(event.sender, event.cseq, asks=False, before=dialog.agreed)
    elif not place.begins:
        dialog.invite = replace(dialog.invite, asks=False, shown=None)
        if shown and shown.offer == event.digest:
            dialog.open = replace(shown, place=place)
            return Finding(Role.REPEAT, shown.number)
    dialog.open = _numbered(dialog, event, place)
    return Finding(Role.OFFER, dialog.count)


def _numbered(dialog: NegotiatedDialog, event: SipMessage, place: Place) -> OfferAnswerExchange:
    dialog.count += 1
    return OfferAnswerExchange(dialog.count, place, event.requester, event.cseq, event.sender, event.digest)


def _offer_early(dialog: NegotiatedDialog, event: SipMessage, place: Place) -> Finding:
    shown = dialog.invite.shown
    if shown and shown.offer == event.digest:
        return Finding(Role.REPEAT, shown.number)
    dialog.invite = replace(dialog.invite, shown=_numbered(dialog, event, place))
    return Finding(Role.OFFER, dialog.count)


def _offer_beside(dialog: NegotiatedDialog, event: SipMessage, place: Place) -> Finding:
    if dialog.established:
        return _busy(dialog, event, place)
    dialog.under = _open(dialog)
    return _offer(dialog, event, place)


def _answer(dialog: NegotiatedDialog, event: SipMessage, _place: Place) -> Finding:
    answered = _open(dialog)
    _close(dialog)
    dialog.agreed = replace(answered, answer=event.digest)
    if dialog.open and dialog.open.answer:  # who answers an offer beside that takes the preview for the answer
        _close(dialog)
    return _answer_finding(answered, event)


def _show(dialog: NegotiatedDialog, event: SipMessage, _place: Place) -> Finding:
    shown = _open(dialog)
    dialog.open = replace(shown, answer=event.digest)
    return _answer_finding(shown, event)


def _answer_more(dialog: NegotiatedDialog, event: SipMessage, _place: Place) -> Finding:
    answered = dialog.agreed
    assert answered is not None, "the table has MORE only where something is agreed"
    dialog.agreed = replace(answered, answer=event.digest)
    return _answer_finding(answered, event)


def _answer_finding(before: OfferAnswerExchange, event: SipMessage) -> Finding:
    if before.answer == event.digest:
        return Finding(Role.REPEAT, before.number)
    return Finding(Role.ANSWER, before.number)


def _open(dialog: NegotiatedDialog) -> OfferAnswerExchange:
    assert dialog.open is not None, "the table has ANSWER and SHOWN only where an offer is open"
    return dialog.open


def _busy(dialog: NegotiatedDialog, event: SipMessage, place: Place) -> Finding:
    under_way = dialog.open.leg if dialog.open else dialog.invite.requester
    return _repeat(dialog, event, place) or mistake(event, _collision(event, under_way))


def _stray(dialog: NegotiatedDialog, event: SipMessage, place: Place) -> Finding:
    return _repeat(dialog, event, place) or mistake(event, Fault.UNASKED)


def _repeat(dialog: NegotiatedDialog, event: SipMessage, place: Place) -> Finding | None:
    """Return whether a body that has no place here is but a copy of what stands."""
    number = 0 if place.begins else _repeated(dialog, event)
    return Finding(Role.REPEAT, number) if number else None


def _soon(_dialog: NegotiatedDialog, event: SipMessage, _place: Place) -> Finding:
    return mistake(event, Fault.PREMATURE)


_ACTIONS: Mapping[Cell, Callable[[NegotiatedDialog, SipMessage, Place], Finding]] = MappingProxyType(
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
