"""The state of a call's media: what the fold of its stream gives."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from events.names import BranchId, CallId, NodeName, RelayId, Tag
from events.registry import MeasuredStream
from events.verb import SdpVerb
from replay.migration import Migration
from replay.offer_answer import Negotiation
from replay.relay_settings import Copy, RelaySettings
from replay.sip_dialogs import SipDialogs

CALLERS_TAG = ";from-tag="
"""What stands before the caller's tag in the name of a call whose Call-ID is another call's, too (replay.identity)."""


class CallStatus(StrEnum):
    """Where a call is in its life."""

    NEW = "new"
    LIVE = "live"
    ENDED = "ended"
    QUARANTINED = "quarantined"


class SessionStatus(StrEnum):
    """Where a session is in its life on its node.

    INTENDED: an offer that creates it is on its way, or its fate is unknown. OPEN: the node has it. CLOSING: it is to
    be removed and may still be there. CLOSED: it is gone.
    """

    INTENDED = "intended"
    OPEN = "open"
    CLOSING = "closing"
    CLOSED = "closed"


# An enumeration looks a member up with a call: these are for what is done for each event of a call.
LIVE: Final = CallStatus.LIVE
ENDED: Final = CallStatus.ENDED
QUARANTINED: Final = CallStatus.QUARANTINED
CLOSING: Final = SessionStatus.CLOSING
CLOSED: Final = SessionStatus.CLOSED
_USABLE = (SessionStatus.INTENDED, SessionStatus.OPEN)


@dataclass(slots=True)
class SessionDialog:
    """Two parties that made an offer and an answer on a session; `to_tag` is empty until somebody answered."""

    from_tag: Tag
    to_tag: Tag
    branch: BranchId

    def joins(self, one: str, other: str) -> bool:
        """Return whether it is the dialog of these two tags, whoever of them made the offer."""
        return (self.from_tag, self.to_tag) in ((one, other), (other, one))

    def has(self, tag: Tag) -> bool:
        """Return whether the tag is one of its parties."""
        return tag in (self.from_tag, self.to_tag)


@dataclass(slots=True)
class PendingOperation:
    """An offer or answer that was intended and is not concluded: it may create its session at any time.

    at: ms since the epoch. by: the control node at work. request: the digest of an offer's
    request. over: that control node has given it up, though it may take effect all the same.
    """

    verb: SdpVerb
    at: int
    by: str
    from_tag: Tag
    to_tag: Tag
    branch: BranchId
    request: bytes = b""
    over: bool = False


@dataclass(slots=True)
class BranchDelete:
    """A part of a session that is to be removed from its node, wanted since `intended_at` (ms since the epoch)."""

    from_tag: Tag
    to_tag: Tag
    branch: BranchId
    intended_at: int


@dataclass(frozen=True, slots=True)
class Agreement:
    """An offer and its answer: what two parties agreed on, and so what to go back to when a later offer is rejected.

    Without `to_tag` it is an offer that has no answer yet.
    """

    from_tag: Tag
    to_tag: Tag
    branch: BranchId
    offer: bytes
    answer: bytes


@dataclass(slots=True)
class Session:
    """What the call has on one node under one id. `relay` has the call's settings of when it ended, for the delete.

    recorded: whether a command made the node record it; recording: what was asked for that. subscriptions: the tags of
    those that a client keeps itself, by commands of the ng protocol. others: whether somebody may be in it who is not
    tied to the party that began it; the delete of that party then may leave him.
    agreement: what was offered and answered last. before: what stood when the last offer of a SIP message came.
    missing_since: when its node was first asked for it and did not know it, ms since the epoch; 0 if it does.
    """

    number: int
    engine: str
    set: str
    node: NodeName
    relay_id: RelayId
    from_tag: Tag
    to_tag: Tag
    branch: BranchId
    status: SessionStatus = SessionStatus.INTENDED
    operations: dict[int, PendingOperation] = field(default_factory=dict)
    dialogs: list[SessionDialog] = field(default_factory=list)
    branch_deletes: list[BranchDelete] = field(default_factory=list)
    gone_branches: list[str] = field(default_factory=list)
    agreement: Agreement | None = None
    before: Agreement | None = None
    handle: str = ""
    recorded: bool = False
    recording: bytes = b""
    subscriptions: list[Tag] = field(default_factory=list)
    others: bool = False
    relay: RelaySettings | None = None
    intended_at: int = 0
    not_before: int = 0
    reason: str = ""
    missing_since: int = 0

    @property
    def usable(self) -> bool:
        """Return whether commands of the call may still go to it."""
        return self.status in _USABLE

    def gives_up(self, branch: BranchId) -> bool:
        """Return whether a branch of it is gone, or its delete stands in the journal and is on its way."""
        wanted = any(delete.branch == branch and not delete.to_tag for delete in self.branch_deletes)
        return wanted or branch in self.gone_branches


@dataclass(slots=True)
class RelayedLeg:
    """A party of the call: the last SDP it sent, and what the other side was given in its place.

    session: in which. version, at: the call's, and the time (ms since the epoch), when it was given. request: the
    digest of an offer's request.
    """

    tag: Tag
    branch: BranchId
    sdp: bytes
    relayed: bytes
    session: int = 0
    version: int = 0
    at: int = 0
    request: bytes = b""


@dataclass(slots=True)
class CallState:
    """The whole state of a call's media at a version of its stream. Times are ms since the epoch.

    heard: when something happened to it last that was more than a wish to move it, or the end of one.
    given: by tag and branch, what the other side was last given in place of the party's SDP; legs have the newest of
    all branches. ends: when the last delete of a branch, or under "" that of the call, was received from a client.
    relay_answered: a relay was told an answer, which may be an early one. vouched: that the call was answered is known,
    though the journal lacks the word of it. answered_at: when it was answered first, by a 2xx where its SIP messages
    are known. failure: what went wrong last. media_lost: the media of a session went before its end. migration: the
    move that goes on; migrations: how many were begun; not_moved: why the last one that ended failed, "" if it did not;
    moved_for: the job that wanted the last one.
    media: by session, party and m= line, what its node counted last; measured_at: when that was told last.
    """

    call_id: CallId
    version: int = 0
    status: CallStatus = CallStatus.NEW
    created: int = 0
    changed: int = 0
    heard: int = 0
    answered_at: int = 0
    by: str = ""
    relay_answered: bool = False
    vouched: bool = False
    refusals: int = 0
    reason: str = ""
    failure: str = ""
    media_lost: bool = False
    last_operation: int = 0
    sessions: dict[int, Session] = field(default_factory=dict)
    legs: dict[Tag, RelayedLeg] = field(default_factory=dict)
    given: dict[tuple[Tag, BranchId], RelayedLeg] = field(default_factory=dict)
    relay: RelaySettings | None = None
    negotiation: Negotiation | None = None
    sip_dialogs: SipDialogs | None = None
    copies: dict[str, Copy] = field(default_factory=dict)
    ends: dict[str, int] = field(default_factory=dict)
    migration: Migration | None = None
    migrations: int = 0
    not_moved: str = ""
    moved_for: str = ""
    media: dict[tuple[int, Tag, int], MeasuredStream] = field(default_factory=dict)
    measured_at: int = 0

    @property
    def last_session(self) -> int:
        """The highest number a session of this call ever had; 0 for none."""
        return max(self.sessions, default=0)

    @property
    def relay_call_id(self) -> CallId:
        """The call-id that relays are given: that of the context where one is set, else the call's own.

        Calls that share a Call-ID may be given the same one for their context: their callers' tags keep them apart.
        """
        own = self.relay.context.get("callid") if self.relay else ""
        _, mark, tag = self.call_id.rpartition(CALLERS_TAG)
        return CallId(f"{own}{mark}{tag if mark else ''}" if own else self.call_id)

    @property
    def is_over(self) -> bool:
        """Whether the call has ended, and no other one with its Call-ID has begun."""
        return self.status is ENDED if self.sip_dialogs is None else self.sip_dialogs.over

    def speaks_for(self, branch: BranchId) -> bool:
        """Return whether no session description of a branch may go on but what a relay gave for it.

        branch: "" where it is not known; then any engagement counts. A call that is over has no relay any more, and so
        none that could give anything.
        """
        if self.is_over:
            return True
        relay = self.relay
        if relay is None or (branch and relay.engagement(branch) is None):
            return False
        return bool(relay.engagements) and not relay.disabled(branch)

    def dialogs(self) -> list[Tag]:
        """Return the callees' tags of the established dialogs in which requests of our own can be sent."""
        if self.negotiation is None or self.sip_dialogs is None:
            return []
        return [tag for tag in self.negotiation.established() if self.sip_dialogs.ends(tag)]

    @property
    def has_dialog(self) -> bool:
        """Whether a dialog of the call is established: then it goes on, whatever becomes of its relay."""
        return self.negotiation is not None and self.negotiation.is_established()

    @property
    def answered(self) -> bool:
        """Whether the call was answered for good.

        Of an answer alone, as the ng door has it, nobody can tell whether it is an early one, and so it counts. Where
        the SIP messages are known, only a 2xx does: an early answer may be the last that is ever heard of its INVITE.
        """
        return self.vouched or (self.relay_answered and (self.negotiation is None or self.has_dialog))

    def is_aside(self, session: Session) -> bool:
        """Return whether a session is one that the call is about to move to: what its parties say is not for that."""
        migration = self.migration
        return migration is not None and not migration.waits and migration.session == session.number

    @property
    def has_session(self) -> bool:
        """Whether there is a session that commands of the call may go to."""
        return any(session.usable for session in self.sessions.values())

    def lives_without(self, branch: BranchId) -> bool:
        """Return whether the call goes on without a branch: it has a dialog, or another branch may yet be answered."""
        return self.negotiation is not None and self.negotiation.lives_without(branch)

    def spare_branches(self) -> dict[BranchId, Tag]:
        """Return the branches that were not answered while another one was: what nodes have of them is to go.

        Each has the tag that opened it.
        """
        if self.relay is None or self.relay.established is None:
            return {}
        openers: dict[BranchId, Tag] = {}
        for session in self.usable_sessions():
            opened = [(dialog.branch, dialog.from_tag) for dialog in session.dialogs]
            for branch, opener in (*opened, (session.branch, session.from_tag)):
                if not self.is_answered(branch) and not session.gives_up(branch):
                    openers.setdefault(branch, opener)
        return openers

    def is_answered(self, branch: BranchId) -> bool:
        """Return whether a branch was answered for good."""
        first = self.relay is not None and self.relay.established == branch
        return first or (self.negotiation is not None and self.negotiation.is_answered(branch))

    def usable_sessions(self) -> list[Session]:
        """Return the sessions that commands of the call may go to, oldest first."""
        return [session for session in self.sessions.values() if session.usable]

    def usable_copies(self) -> list[tuple[str, Copy]]:
        """Return the copies, by name, that can be changed and ended; others go with their session, which is to go."""
        return [(name, copy) for name, copy in self.copies.items() if self.sessions[copy.session].usable]

    def remaining_sessions(self) -> list[Session]:
        """Return the sessions that may exist on their nodes: all that are not closed."""
        return [session for session in self.sessions.values() if session.status is not CLOSED]
