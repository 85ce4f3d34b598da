"""What commands come to. Each door has its own words for these; nobody decides by the text of a reason."""

from __future__ import annotations

from typing import TypeAlias

from engines.refusal import RefusalCode
from engines.reply import NodeReply
from events.values import value


@value
class Refused:
    """What was asked was not done, and why; `reason` is for people.

    node: the one that it was asked of, "" for none. reply: what that answered, None if it did not.
    """

    code: RefusalCode
    reason: str
    node: str = ""
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


MediaResult: TypeAlias = Refused | Done | Relayed | NodeAnswered | CopyOffered
"""What the commands about media and copies come to."""
