"""Decides what a session description in a SIP message is: an offer, an answer, a repeat, or nothing; and whose.

`message` has what goes in and comes out, `place` where a description may stand. To decide and to apply are two things:

- `decide` comes to a verdict on a message: `decide` finds the dialog that it is of, `transitions` asks the table there,
  with a `draft` of the dialog. `table` has the theory and the table itself. `remedy` says what is done about a body
  that is none of these.
- `negotiation` is the state of a call, `dialog` that of each of its dialogs. It changes by the steps of verdicts alone
  (`steps`), so a history is replayed without the table. `legacy` reads those that have no verdicts yet.
"""

from __future__ import annotations

from events.names import Leg
from events.verdict import Change, Fault, Role
from replay.offer_answer.message import REFUSE_WITH, SipMessage, Verdict
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
