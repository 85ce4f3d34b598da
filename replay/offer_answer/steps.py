"""What each step of a verdict does to a dialog. Nothing is decided here, so that a history is applied as it was."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from events.verdict import Fault, Step
from replay.offer_answer.dialog import Invite, NegotiatedDialog, OfferAnswerExchange, SeenRequest
from replay.offer_answer.message import SipMessage
from replay.offer_answer.place import Place

_REQUEST_NOTED: Final = Step.REQUEST_NOTED


def take(
    dialog: NegotiatedDialog, step: Step, message: SipMessage, exchange: int = 0, fault: Fault = Fault.NONE
) -> None:
    """Take a step of a message's verdict, which has this exchange and fault. Raises ValueError for what makes no sense.

    KeyError: the step is none of a dialog's.
    """
    if step is _REQUEST_NOTED:
        dialog.seen[seen_key(message)] = SeenRequest(message.cseq, message.digest, exchange, fault)
    else:
        _STEPS[step](dialog, message)


def seen_key(message: SipMessage) -> str:
    """Return the key of a request among the dialog's latest ones."""
    return f"{message.sender} {message.method}"


def _there(exchange: OfferAnswerExchange | None) -> OfferAnswerExchange:
    if exchange is None:
        raise ValueError("a step needs an offer that is not there")
    return exchange


def _place(message: SipMessage) -> Place:
    if message.place is None:
        raise ValueError("a step needs a message that may carry an offer")
    return message.place


def _numbered(dialog: NegotiatedDialog, message: SipMessage) -> OfferAnswerExchange:
    dialog.count += 1
    return OfferAnswerExchange(
        dialog.count, _place(message), message.requester, message.cseq, message.sender, message.digest
    )


def _close(dialog: NegotiatedDialog) -> OfferAnswerExchange:
    closed = _there(dialog.open)
    dialog.open, dialog.under = dialog.under, None
    return closed


def _established(dialog: NegotiatedDialog, _: SipMessage) -> None:
    dialog.established = True


def _ended(dialog: NegotiatedDialog, _: SipMessage) -> None:
    dialog.ended = True


def _invite_offered(dialog: NegotiatedDialog, message: SipMessage) -> None:
    dialog.invite = Invite(message.sender, message.cseq, asks=False, before=dialog.agreed)


def _invite_asked(dialog: NegotiatedDialog, message: SipMessage) -> None:
    dialog.invite = Invite(message.sender, message.cseq, asks=True, before=dialog.agreed)


def _invite_served(dialog: NegotiatedDialog, _: SipMessage) -> None:
    dialog.invite = replace(dialog.invite, asks=False, shown=None)


def _invite_concluded(dialog: NegotiatedDialog, _: SipMessage) -> None:
    dialog.invite = dialog.invite.concluded()


def _offer_opened(dialog: NegotiatedDialog, message: SipMessage) -> None:
    dialog.open = _numbered(dialog, message)


def _offer_previewed(dialog: NegotiatedDialog, message: SipMessage) -> None:
    dialog.invite = replace(dialog.invite, shown=_numbered(dialog, message))


def _offer_confirmed(dialog: NegotiatedDialog, message: SipMessage) -> None:
    dialog.open = replace(_there(dialog.invite.shown), place=_place(message))


def _offer_put_below(dialog: NegotiatedDialog, _: SipMessage) -> None:
    dialog.under = _there(dialog.open)


def _offers_swapped(dialog: NegotiatedDialog, _: SipMessage) -> None:
    dialog.open, dialog.under = dialog.under, dialog.open


def _offer_closed(dialog: NegotiatedDialog, _: SipMessage) -> None:
    _close(dialog)


def _answer_agreed(dialog: NegotiatedDialog, message: SipMessage) -> None:
    dialog.agreed = _close(dialog).answered(message.digest)


def _answer_previewed(dialog: NegotiatedDialog, message: SipMessage) -> None:
    dialog.open = _there(dialog.open).answered(message.digest)


def _answer_confirmed(dialog: NegotiatedDialog, _: SipMessage) -> None:
    dialog.agreed = _close(dialog)


def _answer_replaced(dialog: NegotiatedDialog, message: SipMessage) -> None:
    dialog.agreed = _there(dialog.agreed).answered(message.digest)


def _agreement_restored(dialog: NegotiatedDialog, _: SipMessage) -> None:
    dialog.agreed = dialog.invite.before


_STEPS: Mapping[Step, Callable[[NegotiatedDialog, SipMessage], None]] = MappingProxyType(
    {
        Step.DIALOG_ESTABLISHED: _established,
        Step.DIALOG_ENDED: _ended,
        Step.INVITE_OFFERED: _invite_offered,
        Step.INVITE_ASKED: _invite_asked,
        Step.INVITE_SERVED: _invite_served,
        Step.INVITE_CONCLUDED: _invite_concluded,
        Step.OFFER_OPENED: _offer_opened,
        Step.OFFER_PREVIEWED: _offer_previewed,
        Step.OFFER_CONFIRMED: _offer_confirmed,
        Step.OFFER_PUT_BELOW: _offer_put_below,
        Step.OFFERS_SWAPPED: _offers_swapped,
        Step.OFFER_CLOSED: _offer_closed,
        Step.ANSWER_AGREED: _answer_agreed,
        Step.ANSWER_PREVIEWED: _answer_previewed,
        Step.ANSWER_CONFIRMED: _answer_confirmed,
        Step.ANSWER_REPLACED: _answer_replaced,
        Step.AGREEMENT_RESTORED: _agreement_restored,
    }
)
