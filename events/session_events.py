"""The events of sessions: offers, answers and deletes on nodes, and what goes wrong with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any, ClassVar

from events.event import Event, RemovalProof, Scope
from events.names import NO_BRANCH, NO_NODE, NO_TAG, BranchId, NodeName, RelayId, Tag
from events.values import value
from events.verb import OFFER, Verb


@value(kw_only=True)
class SessionIntended(Event):
    """A node was chosen for a new session, and the offer that creates it is about to be sent.

    `request` is a digest of the client's request, by which a repeat of it is known; empty where there is none.
    `migration` is the number of the move that the session is made for, 0 for none.
    `verb` is its command, where that is another one that makes something on a node.
    """

    name: ClassVar[str] = "engaged"

    session: int
    operation: int
    engine: str
    set: str
    node: NodeName
    relay_id: RelayId
    from_tag: Tag
    to_tag: Tag = NO_TAG
    branch: BranchId = NO_BRANCH
    request: bytes = b""
    migration: int = 0
    verb: Verb = OFFER


@value(kw_only=True)
class SessionAdopted(Event):
    """A call that others made on a node was taken over: the node has it under `relay_id`, and told of its parties.

    dialogs: from_tag, to_tag (empty until somebody answered) and branch of each. created: when the node has it from, ms
    since the epoch; 0 if it does not say.
    """

    name: ClassVar[str] = "adopted"

    session: int
    engine: str
    set: str
    node: NodeName
    relay_id: RelayId
    from_tag: Tag = NO_TAG
    to_tag: Tag = NO_TAG
    branch: BranchId = NO_BRANCH
    dialogs: tuple[tuple[str, str, str], ...] = ()
    created: int = 0


@value(kw_only=True)
class OfferIntended(Event):
    """Another offer is about to be sent to a session that exists. `request` and `verb` as in `SessionIntended`."""

    name: ClassVar[str] = "offer intended"

    session: int
    operation: int
    from_tag: Tag
    to_tag: Tag = NO_TAG
    branch: BranchId = NO_BRANCH
    request: bytes = b""
    verb: Verb = OFFER


@value(kw_only=True)
class Offered(Event):
    """The node took the offer: `sdp` went in, `relayed` came back.

    `handle` is what the node calls it, where it said so (the route engine's `node`). `migration` is the number of the
    move that it was made for, 0 for none: then nobody has been given `relayed` yet.
    """

    name: ClassVar[str] = "offered"
    secret: ClassVar[tuple[str, ...]] = ("sdp", "relayed")

    session: int
    operation: int
    from_tag: Tag
    to_tag: Tag = NO_TAG
    branch: BranchId = NO_BRANCH
    sdp: bytes
    relayed: bytes
    handle: str = ""
    migration: int = 0


@value(kw_only=True)
class OfferFailed(Event):
    """The offer did not succeed. `reached` says whether the node may have acted on it all the same.

    Not `settled`: no reply came, so the offer may still be on its way and take effect later.
    """

    name: ClassVar[str] = "offer failed"

    session: int
    operation: int
    reason: str
    reached: bool
    settled: bool = True


@value(kw_only=True)
class AnswerIntended(Event):
    """An answer is about to be sent to a session, which its node would make anew if it were gone."""

    name: ClassVar[str] = "answer intended"

    session: int
    operation: int
    from_tag: Tag
    to_tag: Tag = NO_TAG
    branch: BranchId = NO_BRANCH


@value(kw_only=True)
class Answered(Event):
    """The node took the answer: `sdp` went in, `relayed` came back.

    `operation` is 0 where no `AnswerIntended` went before it, since the node's kind creates nothing for an answer.
    `migration` as in `Offered`.
    """

    name: ClassVar[str] = "answered"
    secret: ClassVar[tuple[str, ...]] = ("sdp", "relayed")

    session: int
    operation: int = 0
    from_tag: Tag
    to_tag: Tag = NO_TAG
    branch: BranchId = NO_BRANCH
    sdp: bytes
    relayed: bytes
    migration: int = 0


@value(kw_only=True)
class AnswerFailed(Event):
    """An answer that was intended did not succeed. `reached` and `settled` as in `OfferFailed`."""

    name: ClassVar[str] = "answer failed"

    session: int
    operation: int
    reason: str
    reached: bool
    settled: bool = True


@value(kw_only=True)
class CommandRefused(Event):
    """A command was not carried out and changed nothing."""

    name: ClassVar[str] = "refused"

    command: str
    reason: str
    node: NodeName = NO_NODE


@value(kw_only=True)
class PartiesNotReached(Event):
    """The node of a session is down, and nobody can tell the call's parties: their media have gone, as far as is known.

    `reason` says why they cannot be told.
    """

    name: ClassVar[str] = "parties not reached"

    session: int
    node: NodeName
    reason: str


@value(kw_only=True)
class DeleteIntended(Event):
    """Something of the call is to be removed from its nodes; it stays due until that is confirmed.

    Scope `CALL` ends the call and removes `sessions`, which are all it has; `SESSION` removes `sessions` and the call
    goes on; `BRANCH` removes what the tags and the branch name from the one session in `sessions`, which stays.
    `not_before` (ms since the epoch, 0 for at once) delays the removal, as ng's delete-delay does. `asked_at` is when
    who asked for it was heard (ms since the epoch, 0 where nobody asked): what was received before comes too late. That
    alone is meant where there are no `sessions`.
    """

    name: ClassVar[str] = "delete wanted"

    scope: Scope
    sessions: tuple[int, ...]
    reason: str
    from_tag: Tag = NO_TAG
    to_tag: Tag = NO_TAG
    branch: BranchId = NO_BRANCH
    not_before: int = 0
    asked_at: int = 0


@value(kw_only=True)
class Deleted(Event):
    """A session is no longer on its node. `statistics` are its totals, where `MediaMeasured` has not told of them."""

    name: ClassVar[str] = "deleted"

    session: int
    how: RemovalProof
    statistics: Mapping[str, Any] = field(default_factory=dict)


@value(kw_only=True)
class BranchDeleted(Event):
    """A part of a session is no longer on its node; the session itself is."""

    name: ClassVar[str] = "branch deleted"

    session: int
    from_tag: Tag = NO_TAG
    to_tag: Tag = NO_TAG
    branch: BranchId = NO_BRANCH
    statistics: Mapping[str, Any] = field(default_factory=dict)


@value(kw_only=True)
class CommandForwarded(Event):
    """Another command (recording, media playing, DTMF, ...) was passed to the call's node.

    result: how that ended, "ok" or "error"; "asked" before one that may bring others into the session. request: what
    was asked to begin a recording, so that it can be begun again elsewhere. migration: the call's move for which that
    was done, 0 for none.
    """

    name: ClassVar[str] = "commanded"
    secret: ClassVar[tuple[str, ...]] = ("request",)

    command: str
    session: int
    result: str
    reason: str = ""
    from_tag: Tag = NO_TAG
    to_tag: Tag = NO_TAG
    request: bytes = b""
    migration: int = 0


@value(kw_only=True)
class RememberedSession:
    """A session as a control node remembers it, which the journal does not know, or not as it was last.

    status: "intended", "open", "closing" or "closed". dialogs: from_tag, to_tag and branch of each.
    """

    session: int
    engine: str = ""
    set: str = ""
    node: NodeName
    relay_id: RelayId
    from_tag: Tag = NO_TAG
    to_tag: Tag = NO_TAG
    branch: BranchId = NO_BRANCH
    handle: str = ""
    status: str = "closing"
    reason: str = ""
    dialogs: tuple[tuple[str, str, str], ...] = ()


@value(kw_only=True)
class TailLost(Event):
    """The journal had lost its newest entries, up to version `known`, which the writer of this event remembers.

    Where nobody wrote to the journal meanwhile, they stand before this one again, and it says nothing more. Otherwise
    it says what the writer remembers of the call: whether it was answered, whether it had ended, and its sessions.
    """

    name: ClassVar[str] = "tail lost"
    schema: ClassVar[int] = 2

    known: int
    answered: bool = False
    ended: bool = False
    reason: str = ""
    sessions: tuple[RememberedSession, ...] = ()


@value(kw_only=True)
class Quarantined(Event):
    """The call failed again and again, or its stream cannot be read: it is left alone until an operator looks at it."""

    name: ClassVar[str] = "quarantined"

    reason: str


@value(kw_only=True)
class ReleaseIntended(Event):
    """Somebody wants a quarantined call's sessions removed from their nodes."""

    name: ClassVar[str] = "release wanted"

    reason: str


@value(kw_only=True)
class SessionReleased(Event):
    """A session of a quarantined call is gone. It has the node's and the relay's name: its number may be unreadable."""

    name: ClassVar[str] = "session released"

    node: NodeName
    relay_id: RelayId
    how: RemovalProof
