"""A message that comes by its call's door again: a spiral (RFC 3261 16.3).

An application server, or the script itself, may send a request back through the door to go on with another
Request-URI; so its responses come by twice, too. Only one pass of a message has the relay's side of the call: the first
one, in which its session description is its sender's. In every other it is the one that the relay gave then. That must
not be given to a relay, whose two sides would be each other's peers. So it is read as what its sender said, and nothing
is new: to the negotiation it is a repeat, it changes nothing, and what was given for it goes on.

A message without a session description is known by its routes. It is of the branch that its first pass was of, too.
One that has another session description was altered on its way, and nobody speaks for it: to the relay it is no party.
"""

from __future__ import annotations

from dataclasses import replace

from actors.commands.sip import ObserveSipMessage
from events.names import BranchId
from replay.offer_answer import BranchStatus, Negotiation, SipMessage
from replay.state import CallState, RelayedLeg


def first_pass_of(state: CallState, seen: ObserveSipMessage) -> ObserveSipMessage:
    """Return a message as it was in its first pass; one that comes by for the first time is returned as it is."""
    message, party = seen.message, seen.party
    is_marked = party is not None and party.again
    leg = None if message.sdp is None else _given_for(state, message)
    if (leg is None and not is_marked) or state.is_over:
        return seen
    if leg is not None:
        first = replace(message, sdp=leg.sdp, branch=message.branch and leg.branch)
    elif _is_altered(state, message):
        first = replace(message, altered=True)
    elif _is_known(state, message):
        first = replace(message, branch=_branch_of(state.negotiation or Negotiation(), message))
    else:
        return seen
    return replace(seen, message=first, party=party and replace(party, again=True))


def _given_for(state: CallState, message: SipMessage) -> RelayedLeg | None:
    """Return the leg of a message's sender for whom the relay gave the session description that is in the message."""
    sdp = message.sdp
    for leg in state.given.values():
        if leg.relayed == sdp and leg.sdp != sdp and leg.tag == _sender(message):
            return leg
    return None


def _is_altered(state: CallState, message: SipMessage) -> bool:
    """Return whether the relay gave another session description than a message has that came by before."""
    negotiation = state.negotiation
    if message.sdp is None or negotiation is None or negotiation.initial is None:
        return False
    if message.cseq != negotiation.initial.cseq:
        return False
    given = [leg for leg in state.given.values() if leg.tag == _sender(message) and leg.relayed != leg.sdp]
    return bool(given) and all(leg.sdp != message.sdp for leg in given)


def _sender(message: SipMessage) -> str:
    return message.callers_tag if message.from_caller else message.callee_tag


def _is_known(state: CallState, message: SipMessage) -> bool:
    """Return whether the call has seen an INVITE, or the dialog of a response to it, before."""
    negotiation = state.negotiation
    if negotiation is None or negotiation.initial is None:
        return False
    if message.status is not None:
        return message.callee_tag in negotiation.dialogs()
    return (message.cseq, message.digest) == (negotiation.initial.cseq, negotiation.initial.digest)


def _branch_of(negotiation: Negotiation, message: SipMessage) -> BranchId:
    """Return the branch of a response's dialog; of an INVITE, the one that left last."""
    if message.status is None:
        return next(reversed(negotiation.branches(BranchStatus.TRYING)), message.branch)
    branches = [dialog.branch for dialog in negotiation.all_dialogs if dialog.callee_tag == message.callee_tag]
    return message.branch if message.branch in branches else branches[-1]
