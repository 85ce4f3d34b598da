"""The offer/answer table of schema 1; `replay.offer_answer.table` says what it means."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from replay.offer_answer.dialog import NegotiatedDialog, OfferAnswerExchange
from replay.offer_answer.message import SipMessage
from replay.offer_answer.place import Place


class Phase(StrEnum):
    """What the bodies before have left behind in a dialog: a row."""

    # No offer is open.
    FRESH = "nothing is agreed"
    FIRST_ASKED = "the first INVITE had no SDP: its receiver is to make the first offer"
    ASKED = "an INVITE without SDP goes on: its receiver is to make an offer"
    ANSWERED = "an INVITE goes on, and its offer has its answer"
    PENDING = "an INVITE goes on, and something later than its offer is agreed"
    AGREED = "the last offer has its answer"
    # An offer is open, made in ...
    INVITE = "an INVITE's offer is open"
    PREVIEWED = "an INVITE's offer is open, its answer was shown"
    RELIABLE = "a reliable 1xx's offer is open"
    ACCEPT = "a 2xx's offer is open"
    PRACK = "a PRACK's offer is open"
    UPDATE = "an UPDATE's offer is open"


class Cell(StrEnum):
    """What a body is, by phase and place."""

    OFFER = "an offer"
    ANSWER = "the answer to the open offer"
    SHOWN = "a preview of the answer to the open offer"
    MORE = "another answer to the offer answered last"
    EARLY = "a preview of the offer to come"
    BESIDE = "an offer beside that of the initial INVITE"
    # Mistakes:
    BUSY = "an offer is open, and this is not its answer"
    STRAY = "neither is an offer open nor may one be made here"
    SOON = "an offer, where the first one may not be made"


def _row(*cells: Cell) -> Mapping[Place, Cell]:
    return MappingProxyType(dict(zip(Place, cells, strict=True)))


OFFER, ANSWER, SHOWN, MORE = Cell.OFFER, Cell.ANSWER, Cell.SHOWN, Cell.MORE
EARLY, BESIDE, BUSY, STRAY, SOON = Cell.EARLY, Cell.BESIDE, Cell.BUSY, Cell.STRAY, Cell.SOON

# fmt: off
TABLE: Mapping[Phase, Mapping[Place, Cell]] = MappingProxyType({
    #                        INVITE 1xx    1xx-rel 2xx     ACK     PRACK   2xx/PRACK UPDATE 2xx/UPDATE
    Phase.FRESH:       _row(OFFER, STRAY, STRAY,  STRAY,  STRAY,  SOON,   STRAY,    OFFER, STRAY),
    Phase.FIRST_ASKED: _row(BUSY,  EARLY, OFFER,  OFFER,  STRAY,  SOON,   STRAY,    OFFER, STRAY),
    Phase.ASKED:       _row(BUSY,  EARLY, OFFER,  OFFER,  STRAY,  OFFER,  STRAY,    OFFER, STRAY),
    Phase.ANSWERED:    _row(BUSY,  MORE,  MORE,   MORE,   STRAY,  OFFER,  STRAY,    OFFER, STRAY),
    Phase.PENDING:     _row(BUSY,  STRAY, STRAY,  STRAY,  STRAY,  OFFER,  STRAY,    OFFER, STRAY),
    Phase.AGREED:      _row(OFFER, STRAY, STRAY,  STRAY,  STRAY,  OFFER,  STRAY,    OFFER, STRAY),
    Phase.INVITE:      _row(BUSY,  SHOWN, ANSWER, ANSWER, BUSY,   BUSY,   BUSY,     BESIDE, BUSY),
    Phase.PREVIEWED:   _row(BUSY,  SHOWN, ANSWER, ANSWER, BUSY,   BUSY,   BUSY,     BESIDE, BUSY),
    Phase.RELIABLE:    _row(BUSY,  BUSY,  BUSY,   BUSY,   BUSY,   ANSWER, BUSY,     BUSY,  BUSY),
    Phase.ACCEPT:      _row(BUSY,  BUSY,  BUSY,   BUSY,   ANSWER, BUSY,   BUSY,     BUSY,  BUSY),
    Phase.PRACK:       _row(BUSY,  BUSY,  BUSY,   BUSY,   BUSY,   BUSY,   ANSWER,   BUSY,  BUSY),
    Phase.UPDATE:      _row(BUSY,  BUSY,  BUSY,   BUSY,   BUSY,   BUSY,   BUSY,     BUSY,  ANSWER),
})
# fmt: on


OPEN_IN: Mapping[Place, Phase] = MappingProxyType(
    {
        Place.INVITE: Phase.INVITE,
        Place.RELIABLE: Phase.RELIABLE,
        Place.ACCEPT: Phase.ACCEPT,
        Place.PRACK: Phase.PRACK,
        Place.UPDATE: Phase.UPDATE,
    }
)
"""The phase that an offer in a place brings about; the places that are not here never carry one."""


def phase_of(dialog: NegotiatedDialog) -> Phase:
    """Return the row of the table."""
    if dialog.open:
        return Phase.PREVIEWED if dialog.open.answer else OPEN_IN[dialog.open.place]
    if dialog.invite.pending and dialog.invite.asks:
        return Phase.ASKED if dialog.agreed else Phase.FIRST_ASKED
    if dialog.agreed is None:
        return Phase.FRESH
    if dialog.invite.pending:
        return Phase.ANSWERED if _agreed_by_invite(dialog, dialog.agreed) else Phase.PENDING
    return Phase.AGREED


def owns(dialog: NegotiatedDialog, event: SipMessage, place: Place) -> bool:
    """Return whether the message is of the transaction that the phase speaks of, or begins one of its own."""
    if dialog.open is None:
        return place.begins or dialog.invite.has(event)
    same_cseq = place is Place.PRACK or event.cseq == dialog.open.cseq
    return event.requester is dialog.open.requester and same_cseq


def _agreed_by_invite(dialog: NegotiatedDialog, agreed: OfferAnswerExchange) -> bool:
    began = (agreed.requester, agreed.cseq) == (dialog.invite.requester, dialog.invite.cseq)
    return began and agreed.place is Place.INVITE
