"""What a call, its parties, branches and sessions go by: each name is of a type of its own, so that none is another."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NewType

CallId = NewType("CallId", str)
"""The name of a call's stream: its Call-ID, with the caller's tag where another call has that (replay.identity)."""

Tag = NewType("Tag", str)
"""A party's tag (RFC 3261 19.3); "" for none."""

BranchId = NewType("BranchId", str)
"""A branch of a call's INVITE; "" for none, or for all."""

RelayId = NewType("RelayId", str)
"""What a session is called on its node."""

StreamName = NewType("StreamName", str)
"""The name of a stream of decisions, of those that are not about one call."""

NodeName = NewType("NodeName", str)
"""The name of a relay node; "" for none."""


class Leg(StrEnum):
    """A side of a dialog. The caller is who sent the initial INVITE, for all of the call's life."""

    CALLER = "caller"
    CALLEE = "callee"

    @property
    def other(self) -> Leg:
        """The party at the other end."""
        return CALLEE if self is CALLER else CALLER


# An enumeration looks a member up with a call: these are for what is done for each message of a call.
CALLER: Final = Leg.CALLER
CALLEE: Final = Leg.CALLEE

NO_TAG, NO_BRANCH, NO_NODE = Tag(""), BranchId(""), NodeName("")
