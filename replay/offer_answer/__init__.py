"""Decides what a session description in a SIP message is: an offer, an answer, a repeat, or nothing; and whose.

`table` has the theory and the table itself, `facts` what goes in and comes out, `dialog` the state of a dialog,
`reading` applies the table to it, `call` ties the dialogs of a call's forks together. `remedy` says what is done about
a body that is none of these.
"""

from __future__ import annotations

from replay.offer_answer.message import REFUSE_WITH, Change, Fault, Leg, Role, SipMessage, Verdict
from replay.offer_answer.negotiation import BranchStatus, Negotiation
from replay.offer_answer.remedy import Remedy, remedy_for

__all__ = [
    "REFUSE_WITH",
    "BranchStatus",
    "Change",
    "Fault",
    "Leg",
    "Negotiation",
    "Remedy",
    "Role",
    "SipMessage",
    "Verdict",
    "remedy_for",
]
