"""What is done about a message whose session description must not go on as it is, since no relay speaks for it."""

from __future__ import annotations

from enum import StrEnum

from events.verdict import Fault
from replay.offer_answer.message import REFUSE_WITH, SipMessage
from replay.offer_answer.place import Place


class Remedy(StrEnum):
    """What to do with the message.

    NONE: it goes on, with what was given for its body if something was. STRIP: it goes on without its session
    description, as if it had never had one. REFUSE: it does not go on. A request is answered instead. For a 2xx to an
    INVITE its client gets a failure, and its dialog is ended with ACK and BYE.
    """

    NONE = ""
    STRIP = "strip"
    REFUSE = "refuse"


UNAVAILABLE, NO_DIALOG, NOT_ACCEPTABLE = 480, 481, 488

_CANNOT_BE_REFUSED = ("ACK", "BYE", "CANCEL")


def remedy_for(event: SipMessage, fault: Fault) -> tuple[Remedy, int]:
    """Return the remedy for a body that is not to go on, and the status of the response that a refusal is.

    A response goes on without it: where the table has no place for a body, its receiver has to ignore it (RFC 3261
    13.2.1, 13.2.2.4). Only the 2xx to an INVITE cannot do without whose dialog is not there any more, or whose answer
    somebody has changed: it would begin or change a call that has no media.
    """
    if event.status is None:
        can_be_refused = event.method not in _CANNOT_BE_REFUSED
        return (Remedy.REFUSE, REFUSE_WITH.get(fault, NOT_ACCEPTABLE)) if can_be_refused else (Remedy.STRIP, 0)
    if event.place is Place.ACCEPT and fault is Fault.ALTERED:
        return Remedy.REFUSE, NOT_ACCEPTABLE
    if event.place is Place.ACCEPT and fault in (Fault.UNKNOWN, Fault.FOREIGN, Fault.ENDED):
        return Remedy.REFUSE, UNAVAILABLE if event.branch else NO_DIALOG  # a dialog's requests name no branch
    return Remedy.STRIP, 0
