"""What commands come to. Each door has its own words for these; nobody decides by the text of a reason."""

from __future__ import annotations

from typing import TypeAlias

from actors.sip_requests import SipOutcome
from engines.refusal import RefusalCode
from engines.reply import NodeReply
from events.names import NO_NODE, NodeName, RelayId
from events.values import value
from events.verdict import Fault
from replay.call_snapshot import CallSnapshot
from replay.offer_answer import Remedy, Verdict


@value
class Refused:
    """What was asked was not done, and why; `reason` is for people.

    node: the one that it was asked of, "" for none. reply: what that answered, None if it did not.
    """

    code: RefusalCode
    reason: str
    node: NodeName = NO_NODE
    reply: NodeReply | None = None


@value
class Done:
    """It was done, and there is nothing to tell but perhaps a warning."""

    warning: str = ""


@value
class Relayed:
    """An offer or answer was relayed: `sdp` is for the other side.

    reply: what the node answered; None for what no node was asked this time.
    """

    sdp: bytes
    reply: NodeReply | None = None


@value
class NodeAnswered:
    """A node did what it was asked, and answered this."""

    reply: NodeReply


@value
class CopyOffered:
    """A copy is offered to its recorder with `sdp`."""

    sdp: bytes


@value
class RelayEnded:
    """The relay of a call was ended; `reply` is what a node said of it last, or is said for it."""

    reply: NodeReply


@value(kw_only=True)
class Observed:
    """What became of a SIP message.

    sdp: what is to stand in it in place of its own, None to leave that. shift: for the CSeq of its request. verdict:
    what it was taken for; None if no call heard of it. remedy: what is to be done about a body that must not go on,
    with the status of a refusal. error: why it could not be relayed, or not be heard of. again: it came by before, in
    another pass through the door, and the verdict is on what it was then.
    """

    verdict: Verdict | None = None
    sdp: bytes | None = None
    shift: int = 0
    remedy: Remedy = Remedy.NONE
    refuse_with: int = 0
    error: Refused | None = None
    again: bool = False

    @property
    def fault(self) -> Fault:
        """What is wrong with the message."""
        return self.verdict.fault if self.verdict else Fault.NONE

    @property
    def unheard(self) -> Refused | None:
        """Why the call did not hear of the message at all; None if it did."""
        return None if self.verdict else self.error


@value
class RequestEnded:
    """A request of our own has ended."""

    outcome: SipOutcome


@value(kw_only=True)
class Moved:
    """A call is on this node.

    is_wanted_node: whether it is the one that was asked for; another one of the set is taken where that takes no calls.
    waits: it is there only later: when it is offered something next, since nobody here knows its dialogs, or, if it is
    `early`, when it is answered. left_out: what the old session had and the new one has not: copies by name, a
    recording.
    """

    node: NodeName
    engine: str
    set: str
    is_wanted_node: bool = True
    waits: bool = False
    early: bool = False
    left_out: tuple[str, ...] = ()


@value
class CallRead:
    """A call as it is."""

    snapshot: CallSnapshot


@value
class Located:
    """Where a call is: its newest session's node, and its id there."""

    node: NodeName
    relay_id: RelayId


UNKNOWN = Refused(RefusalCode.UNKNOWN_CALL, "Unknown call-id")
OVERLOADED = Refused(RefusalCode.FULL, "Load limit exceeded")
"""This control node has as much to do as it may, or accepts nothing more since it ends."""


def quarantined(why: str) -> Refused:
    """Refuse what is asked of a call that was set aside."""
    return Refused(RefusalCode.QUARANTINED, f"Call is quarantined: {why}")


def older(why: str) -> Refused:
    """Refuse what is asked of a call that control nodes of a newer version have served."""
    return Refused(RefusalCode.OLDER, f"Call is of a newer version of rtp-relay: {why}")


MediaResult: TypeAlias = Refused | Done | Relayed | NodeAnswered
"""What the commands about media come to that a client of the ng protocol can ask for."""
