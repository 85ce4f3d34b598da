"""What is asked of a call whose relay goes by its settings, one thing at a time: for who takes SIP apart itself."""

from __future__ import annotations

from actors.commands.command import CallCommand
from actors.results import Done, Relayed, RelayEnded
from events.names import NO_TAG, BranchId, Leg, Tag
from events.values import value
from events.verb import SdpVerb


@value(kw_only=True)
class RelaySdp(CallCommand[Relayed]):
    """Relay an offer or answer as the settings in force say. Where a leg disabled the relay, the SDP stays as it is.

    leg: who sent the SDP, caller or callee. from_tag, to_tag: as in engines.media_request. received_from: the source of
    its SIP message, cseq: that of its request. at: ms since the epoch. anew: whether an offer is to have a session of
    its own. moves: whether an offer may go to another node when that of its dialog does not take it. session: the one
    that is told once more what parties had agreed on in it, who are given nothing of that; 0 for what is given on.
    """

    verb: SdpVerb
    leg: Leg
    branch: BranchId
    from_tag: Tag
    to_tag: Tag = NO_TAG
    sdp: bytes
    received_from: str = ""
    cseq: int = 0
    at: int = 0
    anew: bool = False
    moves: bool = True
    session: int = 0

    @property
    def serial_key(self) -> str | None:
        """What it waits for: its branch."""
        return self.branch


@value(kw_only=True)
class EstablishBranch(CallCommand[Done]):
    """Establish a branch, and tear the others down, each under its own id. at: ms since the epoch."""

    branch: BranchId
    callers_tag: Tag
    callees_tag: Tag
    at: int


@value(kw_only=True)
class FailBranch(CallCommand[Done]):
    """Tear one branch down, if `callers_tag` is a party's. The call goes on: another branch may yet be made."""

    branch: BranchId
    callers_tag: Tag
    reason: str
    at: int


@value(kw_only=True)
class EndRelay(CallCommand[RelayEnded]):
    """End the call's relay, if `from_tag` is a party's, or is empty. at: ms since the epoch."""

    from_tag: Tag = NO_TAG
    to_tag: Tag = NO_TAG
    reason: str
    at: int

    @property
    def serial_key(self) -> str | None:
        """What it waits for: all that runs."""
        return None
