"""Reads a message of a dialog by the table, and notes in the dialog what it leaves behind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from actors.negotiation.dialog import Dialog, Invite
from actors.negotiation.facts import Change, Fault, Leg, Role, SipEvent
from actors.negotiation.table import TABLE, Cell, Place


@dataclass(frozen=True, slots=True)
class Finding:
    """What a message means within its dialog; the fields are those of a Verdict."""

    role: Role
    exchange: int = 0
    change: Change = Change.NONE
    fault: Fault = Fault.NONE
    why: str = ""


def mistake(event: SipEvent, fault: Fault) -> Finding:
    """Name a fault; the role is ILLEGAL if there is a body that it makes so."""
    return Finding(Role.ILLEGAL if event.sdp is not None else Role.NOTHING, fault=fault, why=fault.value)


def nothing(why: str, change: Change = Change.NONE) -> Finding:
    """Say that there is no offer and no answer."""
    return Finding(Role.NOTHING, change=change, why=why)


def read(dialog: Dialog, event: SipEvent) -> Finding:
    """Say what a message in the dialog means, and note it."""
    if dialog.ended:
        return _after_end(dialog, event)
    if event.failed:
        return _fail(dialog, event)
    place = event.place
    if place is None:
        return nothing("it carries no offer and no answer")
    if event.status is None and not _is_new(dialog, event):
        return _again(dialog, event)
    if place is Place.INVITE and dialog.invite.pending:
        return mistake(event, _collision(event, dialog.invite.requester))  # RFC 3261 14.1: one INVITE at a time
    finding = _silence(dialog, event, place) if event.sdp is None else _body(dialog, event, place)
    return _conclude(dialog, event, finding) if place is Place.ACCEPT else finding


def _after_end(dialog: Dialog, event: SipEvent) -> Finding:
    if event.sdp is None or event.place is None:
        return nothing(Fault.ENDED.value)
    number = dialog.repeated(event)
    if number and not event.place.begins:
        return Finding(Role.REPEAT, number, why="a late copy")
    return mistake(event, Fault.ENDED)


def _fail(dialog: Dialog, event: SipEvent) -> Finding:
    if event.method == "INVITE":
        return _fail_invite(dialog, event)
    at = dialog.open
    if at and event.method == at.place.value and (event.requester, event.cseq) == (at.requester, at.cseq):
        dialog.open = None
        return Finding(Role.NOTHING, at.number, Change.REJECTED, why=f"rejected with {event.status}")
    return nothing("it fails no exchange")


def _fail_invite(dialog: Dialog, event: SipEvent) -> Finding:
    invite = dialog.invite
    if not (invite.pending and invite.has(event)):
        return nothing("it fails no exchange")
    # An UPDATE's offer has a transaction of its own, which goes on.
    if dialog.open and dialog.open.place is not Place.UPDATE:
        dialog.open = None
    dialog.agreed = invite.before
    dialog.invite = replace(invite, pending=False, asks=False, before=None)
    return nothing(f"rejected with {event.status}", Change.REJECTED)


def _is_new(dialog: Dialog, event: SipEvent) -> bool:
    """Note a request; tell whether none of its sender and method with its CSeq or a later one came before."""
    key = f"{event.sender} {event.method}"
    if key in dialog.seen and dialog.seen[key][0] >= event.cseq:
        return False
    dialog.seen[key] = (event.cseq, event.digest)
    return True


def _again(dialog: Dialog, event: SipEvent) -> Finding:
    if dialog.seen[f"{event.sender} {event.method}"] != (event.cseq, event.digest):
        return mistake(event, Fault.STALE)
    if event.sdp is None:
        return nothing("a retransmission")
    return Finding(Role.REPEAT, dialog.repeated(event), why="a retransmission")


def _collision(event: SipEvent, under_way: Leg) -> Fault:
    return Fault.OVERLAP if event.sender is under_way else Fault.GLARE


def _body(dialog: Dialog, event: SipEvent, place: Place) -> Finding:
    cell = TABLE[dialog.phase][place]
    if not dialog.owns(event, place):
        cell = Cell.BUSY if dialog.open else Cell.STRAY
    return _ACTIONS[cell](dialog, event, place)


def _silence(dialog: Dialog, event: SipEvent, place: Place) -> Finding:
    """Note that a message has no body: an answer may have been due in it, or an offer asked for by it."""
    if place is Place.INVITE:
        dialog.invite = Invite(event.sender, event.cseq, asks=True, before=dialog.agreed)
        return nothing("it asks for an offer")
    due = TABLE[dialog.phase][place] is Cell.ANSWER and dialog.owns(event, place)
    if not due or place is Place.RELIABLE or dialog.open is None:  # after a reliable 1xx the 2xx may still bring it
        return nothing("no body")
    left, dialog.open = dialog.open, None
    if left.answer:
        dialog.agreed = left
        return Finding(Role.NOTHING, left.number, why="no body: the answer shown before stands")
    return Finding(Role.NOTHING, left.number, fault=Fault.UNANSWERED, why=Fault.UNANSWERED.value)


def _conclude(dialog: Dialog, event: SipEvent, finding: Finding) -> Finding:
    """Note the 2xx to an INVITE."""
    if not (dialog.invite.pending and dialog.invite.has(event)):
        return finding
    dialog.invite = replace(dialog.invite, pending=False, asks=False, before=None)
    if dialog.established:
        return finding
    dialog.established = True
    return replace(finding, change=Change.ESTABLISHED)


def _offer(dialog: Dialog, event: SipEvent, place: Place) -> Finding:
    from actors.negotiation.dialog import Exchange

    dialog.count += 1
    if place is Place.INVITE:
        dialog.invite = Invite(event.sender, event.cseq, asks=False, before=dialog.agreed)
    elif not place.begins:
        dialog.invite = replace(dialog.invite, asks=False)
    dialog.open = Exchange(dialog.count, place, event.requester, event.cseq, event.sender, event.digest)
    return Finding(Role.OFFER, dialog.count, why=f"offer in {place}")
