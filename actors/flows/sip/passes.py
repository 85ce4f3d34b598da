"""A message that comes by its call's door again: a spiral (RFC 3261 16.3).

An application server, or the script itself, may send a request back through the door to go on with another
Request-URI; so its responses come by twice, too. Only one pass of a message has the relay's side of the call: the first
one, in which its session description is its sender's. In every other it is the one that the relay gave then. That must
not be given to a relay, whose two sides would be each other's peers. So it is read as what its sender said, and nothing
is new: to the negotiation it is a repeat, it changes nothing, and what was given for it goes on.
"""

from __future__ import annotations

from dataclasses import replace

from actors.commands.sip import ObserveSipMessage
from replay.offer_answer import SipMessage
from replay.state import CallState, RelayedLeg


def first_pass_of(state: CallState, seen: ObserveSipMessage) -> ObserveSipMessage:
    """Return a message as it was in its first pass; one that comes by for the first time is returned as it is."""
    message = seen.message
    leg = _given_for(state, message)
    if leg is None:
        return seen
    return replace(seen, message=replace(message, sdp=leg.sdp, branch=message.branch and leg.branch))


def _given_for(state: CallState, message: SipMessage) -> RelayedLeg | None:
    """Return the leg of a message's sender for whom the relay gave the session description that is in the message."""
    sdp = message.sdp
    if sdp is None or state.is_over:
        return None
    sender = message.callers_tag if message.from_caller else message.callee_tag
    for leg in state.given.values():
        if leg.relayed == sdp and leg.tag == sender and leg.sdp != sdp:
            return leg
    return None
